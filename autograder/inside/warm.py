"""The warm process: everything heavy is imported once; each submission is a fork of it.

Started by the nursery inside the sandbox. It never runs student code itself, holds no test, no
solution and no secret, and has one thread: a fork of it is as good as a fresh interpreter.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.inside import notebook_process
from autograder.inside.memory import collapse_memory
from autograder.inside.messages import Interrupt, Ready, Spawn, Spawned, Sweep, Swept
from autograder.inside.preload import preload
from autograder.inside.settings import read_settings
from autograder.inside.shell import NotebookShell
from autograder.sandbox import FIRST_UID, Form, Limits, enter, shared_memory, sweep
from autograder.sandbox.watch import Watch
from autograder.wire import Channel, Closed


def one_thread() -> bool:
    return len(os.listdir("/proc/self/task")) == 1


class Warm:
    """Answers the nursery: spawn, interrupt, sweep. One submission at a time."""

    def __init__(
        self,
        channel: Channel,
        form: Form,
        limits: Limits,
        shell: NotebookShell,
        materials: Sequence[str],
    ) -> None:
        self.channel = channel
        self.form = form
        self.limits = limits
        self.shell = shell
        self.materials = materials
        self.child = 0
        self.uid = os.geteuid()
        self.shared_before: frozenset[str] = frozenset()
        self.watch: Watch | None = None
        """Of the bounds that no kernel keeps in this form, while a submission runs."""

    def serve(self) -> None:
        while True:
            self._look_while_waiting()
            message = self.channel.receive(Spawn | Interrupt | Sweep)
            if isinstance(message, Spawn):
                self._spawn(message)
            elif isinstance(message, Interrupt):
                if self.child:
                    os.kill(self.child, signal.SIGINT)
            else:
                self.channel.send(Swept(self._sweep()))

    def _look_while_waiting(self) -> None:
        """Until there is a message, look whether the submission is over its bounds; if so, end all of it."""
        while self.watch and not select.select([self.channel.sock], [], [], self.watch.pause)[0]:
            if self.watch.over():
                sweep()
                self.child = 0
                self.watch = None

    def _spawn(self, message: Spawn) -> None:
        _, (descriptor,), _, _ = socket.recv_fds(self.channel.sock, 1, 1)
        if not one_thread():
            raise RuntimeError("the warm process has more than one thread: it cannot be forked safely")
        if not self.form.mount:
            self.uid = FIRST_UID + message.slot if self.form.uids else os.geteuid()
            self.shared_before = shared_memory.names()
        pid = os.fork()
        if pid == 0:
            self.channel.drop()
            self._become_student(descriptor, message)
        os.close(descriptor)
        self.child = pid
        watch = Watch(self.limits, self.form, message.scratch, self.shared_before, self.uid)
        self.watch = watch if watch.needed() else None
        self.channel.send(Spawned(pid))

    def _become_student(self, descriptor: int, message: Spawn) -> None:
        """In the child: raise the walls, then run the notebook. Never returns."""
        try:
            writable = Path(message.scratch) if message.scratch else None
            work = enter(self.limits, self.form, slot=message.slot, writable=writable)
            for path in self.materials:
                os.symlink(path, work / Path(path).name)
            channel = Channel(socket.socket(fileno=descriptor))
            notebook_process.serve(channel, self.shell, message.seed, forks=True)
        finally:
            os._exit(1)

    def _sweep(self) -> int:
        """End everything the submission left; says by which signal its first process had ended."""
        status = sweep().get(self.child, 0)
        if not self.form.mount:
            shared_memory.remove_new(self.shared_before, self.uid)
        self.child = 0
        self.watch = None
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main(descriptor: str, word: str) -> None:
    channel = Channel(socket.socket(fileno=int(descriptor)))
    settings = read_settings(word)
    shell = preload()
    gc.collect()
    gc.freeze()
    collapse_memory()
    channel.send(Ready(settings.form.sentence))
    try:
        Warm(channel, settings.form, settings.limits, shell, settings.materials).serve()
    except Closed:
        sys.exit(0)
