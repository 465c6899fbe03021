"""The launcher for Linux: start a fork server in the sandbox and have it fork students' processes."""

from __future__ import annotations

import itertools
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from autograder.core.limits import Limits
from autograder.process.launcher import PACKAGE, START_SECONDS, Launcher, copy_materials
from autograder.process.student_process import ANSWER_SECONDS, StudentProcess, send_descriptor
from autograder.protocol.channel import Channel, ProtocolError
from autograder.protocol.messages import Interrupt, KillTree, KillTreeDone, Ready, Spawn, Spawned
from autograder.sandbox import cgroup
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.launch import launch
from autograder.sandbox.removal import remove
from autograder.sandbox.view import closed_folder, system_paths

VISIBLE = ("__init__.py", "fake_device.py", "core", "protocol", "sandbox", "student")
_START = "import sys; from autograder.student.forkserver import main; main(*sys.argv[1:])"


class ForkServerLauncher(Launcher):
    """Starts the fork server when it is first needed, and again after losing it."""

    def __init__(
        self, limits: Limits, device: str, capabilities: Capabilities, materials: Sequence[Path], slots: range
    ) -> None:
        super().__init__(limits, device, capabilities, materials)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._starting = False
        self._scratch = ""
        self._group: Path | None = None
        # Take uids in turn, so that no submission owns what the one before left. Start anywhere: another
        # grader on this machine has most likely started somewhere else.
        self._slots = itertools.islice(itertools.cycle(slots), secrets.randbelow(len(slots)), None)

    def start(self) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.deaths += 1
        self.close()
        grader_end, server_end = socket.socketpair()
        descriptor = server_end.fileno()
        shown = self.materials if self.capabilities.mount else []
        argv = [sys.executable, "-s", "-P", "-c", _START, str(descriptor), self._settings(shown)]
        readable = [*system_paths(), *(PACKAGE / name for name in VISIBLE), *shown]
        if self.capabilities.cgroup:
            self._group = cgroup.make(cgroup.FORK_SERVER_BYTES + self.limits.total_bytes)
        self._process = launch(
            argv,
            capabilities=self.capabilities,
            readable=readable,
            pass_fds=[descriptor],
            env=self._environment(),
            group=self._group,
            stderr=self._log,
        )
        server_end.close()
        self._channel = Channel(grader_end)
        self._starting = True

    def wait(self) -> None:
        self.start()
        self._ready_channel()

    def _environment(self) -> dict[str, str]:
        folders = dict.fromkeys(("HOME", "MPLCONFIGDIR", "IPYTHONDIR", "TMPDIR"), "/tmp")
        return super()._environment() | folders

    def spawn(self, seed: int, request_seconds: float) -> StudentProcess:
        self.start()
        channel = self._ready_channel()
        grader_end, student_end = socket.socketpair()
        self._scratch = "" if self.capabilities.mount else _scratch_folder(self.capabilities)
        if self._scratch:
            copy_materials(self.materials, Path(self._scratch))
        try:
            channel.send(Spawn(seed, next(self._slots), self._scratch), ANSWER_SECONDS)
            send_descriptor(channel, student_end)
            channel.receive(Spawned, ANSWER_SECONDS)
            student = Channel(grader_end)
            self._start_notebook(student)
        except ProtocolError as error:
            raise self._failure("did not start the submission", error) from None
        return self.watch(StudentProcess(student, request_seconds, self.interrupt))

    def _ready_channel(self) -> Channel:
        assert self._channel is not None
        if self._starting:
            try:
                self._channel.receive(Ready, START_SECONDS)
            except ProtocolError as error:
                raise self._failure("did not start", error) from None
            self._starting = False
        return self._channel

    def interrupt(self) -> None:
        if self._channel is not None:
            self._channel.send(Interrupt(), ANSWER_SECONDS)

    def kill_tree(self) -> tuple[int, str]:
        """As in Launcher. If the fork server fails to, replace it."""
        ended = KillTreeDone(0)
        if self._channel is not None:
            try:
                self._channel.send(KillTree(), ANSWER_SECONDS)
                ended = self._channel.receive(KillTreeDone, ANSWER_SECONDS)
            except ProtocolError:
                self.deaths += 1
                self.close()
        if self._scratch:
            remove(self._scratch)
            self._scratch = ""
        return ended.signal, ended.over

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._group is not None:
            cgroup.remove(self._group)
            self._group = None


def _scratch_folder(capabilities: Capabilities) -> str:
    """Make an empty folder that the student's uid can reach, even if TMPDIR is closed to other users."""
    closed = capabilities.uids and closed_folder([f"{gettempdir()}/x"])
    return mkdtemp(prefix=f"autograder-{os.getpid()}-", dir="/tmp" if closed else None)
