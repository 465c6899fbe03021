"""Where there are no walls to be had (macOS, Windows): a process of its own, its limits, and its end.

It has the rights of whoever started it. What it starts is found by the family tree and by a mark in the
environment; who takes off the mark and leaves the family (a hostile program can, outside Windows) stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from autograder.core.limits import Limits
from autograder.protocol.socket_inheritance import interrupt, start_with_socket

MARK = "AUTOGRADER_SUBMISSION"
_END_SECONDS = 5.0
_PAUSE_SECONDS = 0.005


class UnsandboxedProcess:
    """A process that answers on `socket`, and all that it starts."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], folder: Path, stderr: IO[bytes]
    ) -> None:
        self._mark = secrets.token_hex(16)
        self._process, self.socket = start_with_socket(
            argv,
            env={**env, MARK: self._mark},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        if sys.platform == "win32":
            from autograder.sandbox.windows_job import JobObject

            self._job = JobObject(self._process.pid)

    def limit(self, limits: Limits) -> None:
        """Before student code runs. On other systems than Windows the process limits itself (limits.py)."""
        if sys.platform == "win32":
            with contextlib.suppress(psutil.Error):  # it has ended, which is seen at its socket
                self._job.limit(limits, psutil.Process(self._process.pid).memory_info().vms)

    def interrupt(self) -> None:
        interrupt(self._process)

    def end(self) -> None:
        """Kill it and everything it started."""
        if self._process.returncode is not None:
            return  # done before, and its number may be somebody else's now
        if sys.platform == "win32":
            self._job.end()
        self._end_family()
        self._process.kill()
        self._process.wait()

    def _end_family(self) -> None:
        """First stop all, so that none can start another meanwhile, then kill."""
        if sys.platform == "win32":
            return  # the job has ended all
        deadline = time.monotonic() + _END_SECONDS
        family = self._family()
        while (running := _running(family)) and time.monotonic() < deadline:
            _tell(running, signal.SIGSTOP)
            family = self._family()
        _tell(family, signal.SIGKILL)
        while _alive(family) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)

    def _family(self) -> list[psutil.Process]:
        """All below the process, and all of its session or with its mark, wherever they are now."""
        found: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self._process.pid)
            found = {x.pid: x for x in [own, *own.children(recursive=True)]}
        for process in psutil.process_iter():
            if process.pid not in found and self._marked(process):
                found[process.pid] = process
        return list(found.values())

    def _marked(self, process: psutil.Process) -> bool:
        assert sys.platform != "win32"
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == self._process.pid:
                return True
            return bool(process.environ().get(MARK) == self._mark)
        return False


def _alive(family: Iterable[psutil.Process]) -> list[psutil.Process]:
    return _with_status(family, but=(psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))


def _running(family: Iterable[psutil.Process]) -> list[psutil.Process]:
    return _with_status(family, but=(psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))


def _with_status(family: Iterable[psutil.Process], but: Sequence[str]) -> list[psutil.Process]:
    found = []
    for process in family:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() not in but:
                found.append(process)
    return found


def _tell(family: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in family:
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(number)
