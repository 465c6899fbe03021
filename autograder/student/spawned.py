"""A process for one submission, where none may be forked: it imports, says so, and becomes the notebook's."""

from __future__ import annotations

import os

from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.messages import Ready, Spawn, Spawned
from autograder.protocol.socket_inheritance import inherited_socket, listen_for_interrupts
from autograder.sandbox import limits
from autograder.sandbox.launch_settings import read_settings
from autograder.student import notebook_process
from autograder.student.preload import preload


def main(word: str, socket_word: str) -> None:
    channel = Channel(inherited_socket(socket_word))
    listen_for_interrupts()
    settings = read_settings(word)
    shell = preload()
    channel.send(Ready(settings.capabilities.sentence))
    try:
        spawn: Spawn = channel.receive(Spawn)
    except ChannelClosed:
        return
    limits.apply_plain(settings.limits)
    channel.send(Spawned(os.getpid()))
    notebook_process.serve(channel, shell, spawn.seed, forks=False)
