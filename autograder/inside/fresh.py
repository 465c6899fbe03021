"""A process for one submission, where none may be forked: it imports, says so, and becomes the notebook's."""

from __future__ import annotations

import os

from autograder.handover import handed_socket, heed_interrupts
from autograder.inside import notebook_process
from autograder.inside.messages import Ready, Spawn, Spawned
from autograder.inside.preload import preload
from autograder.inside.settings import read_settings
from autograder.sandbox import limits
from autograder.wire import Channel, Closed


def main(word: str, socket_word: str) -> None:
    channel = Channel(handed_socket(socket_word))
    heed_interrupts()
    settings = read_settings(word)
    shell = preload()
    channel.send(Ready(settings.form.sentence))
    try:
        spawn: Spawn = channel.receive(Spawn)
    except Closed:
        return
    limits.apply_plain(settings.limits)
    channel.send(Spawned(os.getpid()))
    notebook_process.serve(channel, shell, spawn.seed, forks=False)
