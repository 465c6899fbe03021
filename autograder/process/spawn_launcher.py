"""A launcher for systems where forking is unsafe or missing: a fresh process for each submission.

Its imports take seconds, so the next process starts while a submission is being graded.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from autograder.core.limits import Limits
from autograder.process.launcher import START_SECONDS, Launcher, LauncherError, copy_materials
from autograder.process.student_process import ANSWER_SECONDS, StudentProcess
from autograder.protocol.channel import Channel, ProtocolError
from autograder.protocol.messages import Ready, Spawn, Spawned
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.removal import remove
from autograder.sandbox.unsandboxed import UnsandboxedProcess

_START = "import sys; from autograder.student.spawned import main; main(*sys.argv[1:])"
_NEEDED_ON_WINDOWS = ("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATH", "PATHEXT")


class SpawnLauncher(Launcher):
    """Keeps the next process ready while one serves a submission."""

    def __init__(
        self, limits: Limits, device: str, capabilities: Capabilities, materials: Sequence[Path]
    ) -> None:
        super().__init__(limits, device, capabilities, materials)
        self._next: _FreshProcess | None = None
        self._current: _FreshProcess | None = None
        self._caches = mkdtemp(prefix=f"autograder-{os.getpid()}-")

    def start(self) -> None:
        if self._next is None:
            self._next = self._start_process()

    def wait(self) -> None:
        fresh = self._next = self._next or self._start_process()
        try:
            fresh.wait()
        except ProtocolError as error:
            raise self._failure("did not start", error) from None

    def spawn(self, seed: int, request_seconds: float) -> StudentProcess:
        self.kill_tree()
        try:
            fresh = self._assign(seed)
        except ProtocolError:  # started early, so the previous submission may have broken it
            fresh = self._assign_another(seed)
        with contextlib.suppress(LauncherError):  # starting it may work when it is needed
            self._next = self._start_process()
        return self.watch(StudentProcess(fresh.channel, request_seconds, self.interrupt))

    def _assign(self, seed: int) -> _FreshProcess:
        """Give the submission the process that is ready."""
        fresh = self._current = self._next or self._start_process()
        self._next = None
        fresh.wait()
        copy_materials(self.materials, Path(fresh.folder))
        fresh.process.limit(self.limits)
        fresh.channel.send(Spawn(seed, 0, ""), ANSWER_SECONDS)
        fresh.channel.receive(Spawned, ANSWER_SECONDS)
        self._start_notebook(fresh.channel)
        return fresh

    def _assign_another(self, seed: int) -> _FreshProcess:
        self.kill_tree()
        try:
            return self._assign(seed)
        except ProtocolError as error:
            raise self._failure("did not start the submission", error) from None

    def interrupt(self) -> None:
        if self._current is not None:
            self._current.process.interrupt()

    def kill_tree(self) -> tuple[int, str]:
        number = 0
        if self._current is not None:
            number = self._current.end()
            self._current = None
        return number, ""

    def close(self) -> None:
        self.kill_tree()
        if self._next is not None:
            self._next.end()
            self._next = None
        remove(self._caches)

    def _start_process(self) -> _FreshProcess:
        folder = mkdtemp(prefix=f"autograder-{os.getpid()}-")
        os.makedirs(self._caches, exist_ok=True)
        argv = [sys.executable, "-s", "-P", "-c", _START, self._settings()]
        env = self._environment() | self._folders(folder)
        try:
            process = UnsandboxedProcess(argv, env=env, folder=Path(folder), stderr=self._log)
        except OSError as error:
            remove(folder)
            raise LauncherError(f"a process for students cannot be started ({error.strerror})") from None
        return _FreshProcess(process, Channel(process.socket), folder)

    def _folders(self, folder: str) -> dict[str, str]:
        """Make `folder` the home, but share matplotlib's font cache, which is slow to build."""
        home = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR"), folder)
        system = {name: os.environ[name] for name in _NEEDED_ON_WINDOWS if name in os.environ}
        return home | {"MPLCONFIGDIR": self._caches} | (system if sys.platform == "win32" else {})


@dataclass
class _FreshProcess:
    """A process that waits for its submission, or is running it."""

    process: UnsandboxedProcess
    channel: Channel
    folder: str
    importing: bool = True

    def wait(self) -> None:
        """Wait until its imports are done. Raises ProtocolError on failure."""
        if self.importing:
            self.channel.receive(Ready, START_SECONDS)
            self.importing = False

    def end(self) -> int:
        """Returns the signal that had ended it, or 0."""
        self.channel.close()
        number = self.process.end()
        remove(self.folder)
        return number
