"""A launcher without forks, for systems where they are not safe or not there: a process for each submission.

Its imports take seconds, so the next one starts while a submission is graded.
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
    """Keeps one process ready, and hands it out."""

    def __init__(
        self, limits: Limits, device: str, capabilities: Capabilities, materials: Sequence[Path]
    ) -> None:
        super().__init__(limits, device, capabilities, materials)
        self._next: _Fresh | None = None
        self._current: _Fresh | None = None
        self._caches = mkdtemp(prefix="autograder-")

    def start(self) -> None:
        if self._next is None:
            self._next = self._make()

    def wait(self) -> None:
        fresh = self._next = self._next or self._make()
        try:
            fresh.wait()
        except ProtocolError as error:
            raise self._trouble("did not start", error) from None

    def spawn(self, seed: int, question_seconds: float) -> StudentProcess:
        self.kill_tree()
        try:
            fresh = self._begun(seed)
        except ProtocolError:  # it was started ahead, where the submission before this one could reach it
            fresh = self._begun_anew(seed)
        with contextlib.suppress(LauncherError):  # it may be possible when it is needed
            self._next = self._make()
        return StudentProcess(fresh.channel, question_seconds, self.interrupt)

    def _begun(self, seed: int) -> _Fresh:
        fresh = self._current = self._next or self._make()
        self._next = None
        fresh.wait()
        copy_materials(self.materials, Path(fresh.folder))
        fresh.process.limit(self.limits)
        fresh.channel.send(Spawn(seed, 0, ""), ANSWER_SECONDS)
        fresh.channel.receive(Spawned, ANSWER_SECONDS)
        return fresh

    def _begun_anew(self, seed: int) -> _Fresh:
        self.kill_tree()
        try:
            return self._begun(seed)
        except ProtocolError as error:
            raise self._trouble("did not start a student", error) from None

    def interrupt(self) -> None:
        if self._current is not None:
            self._current.process.interrupt()

    def kill_tree(self) -> None:
        if self._current is not None:
            self._current.end()
            self._current = None

    def close(self) -> None:
        self.kill_tree()
        if self._next is not None:
            self._next.end()
            self._next = None
        remove(self._caches)

    def _make(self) -> _Fresh:
        folder = mkdtemp(prefix="autograder-")
        os.makedirs(self._caches, exist_ok=True)
        argv = [sys.executable, "-s", "-P", "-c", _START, self._settings()]
        env = self._environment() | self._places(folder)
        try:
            process = UnsandboxedProcess(argv, env=env, folder=Path(folder), stderr=self._log)
        except OSError as error:
            remove(folder)
            raise LauncherError(f"a process for students cannot be started ({error.strerror})") from None
        return _Fresh(process, Channel(process.socket), folder)

    def _places(self, folder: str) -> dict[str, str]:
        """The folder is home; what matplotlib finds out about the machine's fonts is kept for the next."""
        home = dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR"), folder)
        system = {name: os.environ[name] for name in _NEEDED_ON_WINDOWS if name in os.environ}
        return home | {"MPLCONFIGDIR": self._caches} | (system if sys.platform == "win32" else {})


@dataclass
class _Fresh:
    """A process that waits for its submission, or has one."""

    process: UnsandboxedProcess
    channel: Channel
    folder: str
    importing: bool = True

    def wait(self) -> None:
        """Until its imports are done. Raises ProtocolError when they do not come to an end."""
        if self.importing:
            self.channel.receive(Ready, START_SECONDS)
            self.importing = False

    def end(self) -> None:
        self.channel.close()
        self.process.end()
        remove(self.folder)
