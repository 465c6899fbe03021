"""The fork server: it imports everything heavy once, and each submission runs in a fork of it.

The launcher starts it inside the sandbox. It never runs student code itself, it holds no test, solution or
secret, and it has one thread, so a fork of it is as good as a fresh interpreter.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from autograder.core.limits import Limits
from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.messages import Interrupt, KillTree, KillTreeDone, Ready, Spawn, Spawned
from autograder.sandbox import shared_memory
from autograder.sandbox.capabilities import FIRST_UID, Capabilities
from autograder.sandbox.enter import enter, inherited
from autograder.sandbox.kill_tree import kill_tree
from autograder.sandbox.launch_settings import read_settings
from autograder.sandbox.usage_poller import UsagePoller
from autograder.student import gpu, notebook_process
from autograder.student.beside_files import receive_files
from autograder.student.huge_pages import collapse_memory
from autograder.student.no_gpu import hide_gpu
from autograder.student.preload import preload
from autograder.student.shell import NotebookShell


def single_threaded() -> bool:
    return len(os.listdir("/proc/self/task")) == 1


class ForkServer:
    """Starts, interrupts and kills students' processes for the launcher, one submission at a time."""

    def __init__(
        self,
        channel: Channel,
        capabilities: Capabilities,
        limits: Limits,
        shell: NotebookShell,
        materials: Sequence[str],
        gpu: str | None = None,
    ) -> None:
        self.channel = channel
        self.capabilities = capabilities
        self.limits = limits
        self.shell = shell
        self.materials = materials
        launched = inherited()
        shown = launched[1].gpu if launched else None
        self.forks = capabilities.gpu_in_forks or shown is None
        """Whether a notebook's process may be asked in forks of itself."""
        self.gpu = gpu if shown is None else shown.visible
        """CUDA_VISIBLE_DEVICES of students' processes, or None if they are to see no GPU."""
        self.child = 0
        self.uid = os.geteuid()
        self.shared_before: frozenset[str] = frozenset()
        self.poller: UsagePoller | None = None
        """While a submission runs: for limits that the kernel does not enforce here."""
        self.over = ""
        """What the submission used too much of, if it was killed for that."""

    def serve(self) -> None:
        while True:
            self._poll_until_message()
            message = self.channel.receive(Spawn | Interrupt | KillTree)
            if isinstance(message, Spawn):
                self._spawn(message)
            elif isinstance(message, Interrupt):
                if self.child:
                    os.kill(self.child, signal.SIGINT)
            else:
                self.channel.send(self._kill_tree())
                self.over = ""

    def _poll_until_message(self) -> None:
        """Until a message arrives, check the submission's usage; kill it if it is over a limit."""
        while self.poller and not select.select([self.channel.sock], [], [], self.poller.pause)[0]:
            self.over = self.poller.over()
            if self.over:
                self._kill()

    def _spawn(self, message: Spawn) -> None:
        _, (descriptor,), _, _ = socket.recv_fds(self.channel.sock, 1, 1)
        if not single_threaded():
            raise RuntimeError("the fork server has more than one thread, so it cannot be forked safely")
        if not self.capabilities.mount:
            self.uid = FIRST_UID + message.slot if self.capabilities.uids else os.geteuid()
            self.shared_before = shared_memory.names()
        pid = os.fork()
        if pid == 0:
            self.channel.drop()
            self._become_student(descriptor, message)
        os.close(descriptor)
        self.child = pid
        poller = UsagePoller(self.limits, self.capabilities, message.scratch, self.shared_before, self.uid)
        self.poller = poller if poller.needed() else None
        self.channel.send(Spawned(pid))

    def _become_student(self, descriptor: int, message: Spawn) -> None:
        """In the child: enter the sandbox, then run the notebook. Never returns."""
        try:
            channel = self._enter(descriptor, message)
        except BaseException:  # noqa: BLE001  the launcher's error has the last line of it
            traceback.print_exc()
            os._exit(1)
        try:
            notebook_process.serve(channel, self.shell, message.seed, forks=self.forks)
        finally:
            os._exit(1)

    def _enter(self, descriptor: int, message: Spawn) -> Channel:
        """Enter the sandbox, and put everything into place for the notebook."""
        writable = Path(message.scratch) if message.scratch else None
        work = enter(self.limits, self.capabilities, slot=message.slot, writable=writable)
        if message.gpu and self.gpu is not None:
            gpu.show_gpu(self.gpu, message.device_bytes)
            if gpu.gpu_is_lost():
                raise RuntimeError("the fork server has asked CUDA for something, so its forks have no GPU")
        elif self.gpu is not None:
            hide_gpu()
        for path in self.materials:
            os.symlink(path, work / Path(path).name)
        channel = Channel(socket.socket(fileno=descriptor))
        receive_files(channel, work)
        return channel

    def _kill_tree(self) -> KillTreeDone:
        """Kill everything the submission left; say what ended its first process, and whether any is left."""
        child = self.child
        reaped = self._kill()
        if not self.capabilities.mount:
            shared_memory.remove_new(self.shared_before, self.uid)
        status = (reaped or {}).get(child, 0)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        return KillTreeDone(number, self.over, reaped is None)

    def _kill(self) -> dict[int, int] | None:
        """Kill and reap everything; None if something does not die in time.

        That is no process of ours to wait for: one whose kernel runs on the GPU stays until the driver has
        stopped it, and may stay for good.
        """
        self.child = 0
        self.poller = None
        try:
            return kill_tree()
        except TimeoutError:
            return None


def main(descriptor: str, settings_json: str) -> None:
    channel = Channel(socket.socket(fileno=int(descriptor)))
    settings = read_settings(settings_json)
    shell = preload(gpu=settings.gpu is not None)
    gc.collect()
    gc.freeze()
    collapse_memory()
    channel.send(Ready(settings.capabilities.sentence))
    try:
        ForkServer(
            channel, settings.capabilities, settings.limits, shell, settings.materials, settings.gpu
        ).serve()
    except ChannelClosed:
        sys.exit(0)
