"""A process for one submission where nothing is forked: it says when it is ready, then runs the notebook."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.messages import Ready, Spawn, Spawned
from autograder.protocol.socket_inheritance import inherited_socket, listen_for_interrupts
from autograder.sandbox import resource_limits
from autograder.sandbox.launch_settings import read_settings
from autograder.student import gpu, notebook_process
from autograder.student.beside_files import receive_files
from autograder.student.preload import preload


def main(settings_json: str, socket_argument: str) -> None:
    channel = Channel(inherited_socket(socket_argument))
    listen_for_interrupts()
    settings = read_settings(settings_json)
    shell = preload(gpu=settings.gpu is not None)
    channel.send(Ready(settings.capabilities.sentence))
    try:
        spawn: Spawn = channel.receive(Spawn)
    except ChannelClosed:
        return
    resource_limits.apply_plain(settings.limits)
    if spawn.gpu and settings.gpu is not None:
        gpu.show_gpu(settings.gpu, spawn.device_bytes)
    channel.send(Spawned(os.getpid()))
    receive_files(channel, Path.cwd())
    notebook_process.serve(channel, shell, spawn.seed, forks=False)
