"""The warm process: everything heavy is imported once; each submission is a fork of it.

Started by the nursery inside the sandbox. It never runs student code itself, holds no test, no
solution and no secret, and has one thread: a fork of it is as good as a fresh interpreter.
"""

from __future__ import annotations

import gc
import importlib
import os
import random
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from autograder.inside import notebook_process
from autograder.inside.faraway import attempt
from autograder.inside.memory import collapse_memory
from autograder.inside.messages import Interrupt, Ready, Spawn, Spawned, Sweep, Swept
from autograder.inside.shell import NotebookShell, make_shell
from autograder.sandbox import FIRST_UID, Form, Limits, enter, shared_memory, sweep
from autograder.wire import Channel, Closed

PRELOAD = ("torchvision", "torchvision.transforms", "torchvision.datasets", "torch.utils.data",
           "torch._dynamo", "matplotlib.pyplot", "matplotlib.backends.backend_agg")  # fmt: skip
# The first plot, the first formula and the first traceback load and cache much; every child inherits it.
TRIALS = (
    """
import matplotlib.pyplot as plt
_figure, (_left, _right) = plt.subplots(1, 2)
_left.semilogy([1e-9, 1], label="$10^{-1} x_1 + 2^k$")
_left.legend()
_left.set(xlabel="$x_2$", title="title")
_figure.colorbar(_right.contourf([[0, 1], [1, 0]]))
plt.tight_layout()
plt.show()
""",
    "1 / 0",
)


def preload() -> NotebookShell:
    """Import and touch whatever a first use would load, so that every child finds it done."""
    for name in PRELOAD:
        importlib.import_module(name)
    torch.set_num_threads(1)
    shell = make_shell()
    weights = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weights])
    weights.sum().backward()
    optimizer.step()
    attempt(lambda device: torch.ones(2, device=device).sum())
    for cell in TRIALS:
        shell.run_cell(cell, silent=True)
    shell.run_cell("%reset -f", silent=True)
    shell.execution_count = 1
    shell.outputs.clear()
    return shell


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

    def serve(self) -> None:
        while True:
            message = self.channel.receive(Spawn | Interrupt | Sweep)
            if isinstance(message, Spawn):
                self._spawn(message)
            elif isinstance(message, Interrupt):
                if self.child:
                    os.kill(self.child, signal.SIGINT)
            else:
                self.channel.send(Swept(self._sweep()))

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
        self.channel.send(Spawned(pid))

    def _become_student(self, descriptor: int, message: Spawn) -> None:
        """In the child: raise the walls, then run the notebook. Never returns."""
        try:
            writable = Path(message.scratch) if message.scratch else None
            work = enter(self.limits, self.form, slot=message.slot, writable=writable)
            for path in self.materials:
                os.symlink(path, work / Path(path).name)
            random.seed(message.seed)
            np.random.seed(message.seed % 2**32)
            torch.manual_seed(message.seed)
            notebook_process.serve(Channel(socket.socket(fileno=descriptor)), self.shell)
        finally:
            os._exit(1)

    def _sweep(self) -> int:
        """End everything the submission left; says by which signal its first process had ended."""
        status = sweep().get(self.child, 0)
        if not self.form.mount:
            shared_memory.remove_new(self.shared_before, self.uid)
        self.child = 0
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main(descriptor: int, form: Form, limits: Limits, materials: Sequence[str]) -> None:
    channel = Channel(socket.socket(fileno=descriptor))
    shell = preload()
    gc.collect()
    gc.freeze()
    collapse_memory()
    channel.send(Ready(form.sentence))
    try:
        Warm(channel, form, limits, shell, materials).serve()
    except Closed:
        sys.exit(0)
