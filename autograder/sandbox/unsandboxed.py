"""Without a sandbox (macOS, Windows): a separate process with limits, and a way to kill all it has started.

It has the rights of whoever started it. What it starts is found by parentage, session and a tag in the
environment. A hostile program that leaves the process tree and the session and drops its tag survives, except
on Windows.
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

TAG_VARIABLE = "AUTOGRADER_SUBMISSION"
_KILL_SECONDS = 5.0
_PAUSE_SECONDS = 0.005


class UnsandboxedProcess:
    """A process that answers on `socket`, and everything it starts."""

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], folder: Path, stderr: IO[bytes]
    ) -> None:
        self._tag = secrets.token_hex(16)
        self._process, self.socket = start_with_socket(
            argv,
            env={**env, TAG_VARIABLE: self._tag},
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
        if sys.platform == "win32":
            from autograder.sandbox.windows_job import JobObject

            self._job = JobObject(self._process.pid)

    def limit(self, limits: Limits) -> None:
        """Call before any student code runs. Limits the process on Windows; elsewhere it limits itself."""
        if sys.platform == "win32":
            with contextlib.suppress(psutil.Error):  # it has ended, which its socket will show
                self._job.limit(limits, psutil.Process(self._process.pid).memory_info().vms)

    def interrupt(self) -> None:
        """Send what Ctrl-C sends."""
        interrupt(self._process)

    def owns(self, pid: int) -> bool:
        """Whether a process is this one, or was started by it."""
        try:
            process = psutil.Process(pid)
            above = [pid, *(parent.pid for parent in process.parents())]
        except psutil.Error:
            return False
        return self._process.pid in above or (sys.platform != "win32" and self._belongs(process))

    def end(self) -> int | None:
        """Kill it and everything it started. Returns the signal that ended it, or 0.

        None if it does not end in time, as while a kernel of it runs on a GPU.
        """
        if self._process.returncode is not None:
            return 0  # already done, and the pid may belong to another process by now
        if sys.platform == "win32":
            self._job.end()
        self._kill_tree()
        self._process.kill()
        try:
            code = self._process.wait(_KILL_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        return -code if code < 0 else 0

    def _kill_tree(self) -> None:
        """Stop every process first, so that none can start another meanwhile, then kill them."""
        if sys.platform == "win32":
            return  # the job has ended them all
        deadline = time.monotonic() + _KILL_SECONDS
        tree = self._tree()
        while (running := _running(tree)) and time.monotonic() < deadline:
            _send_signal(running, signal.SIGSTOP)
            tree = self._tree()
        _send_signal(tree, signal.SIGKILL)
        while _alive(tree) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)

    def _tree(self) -> list[psutil.Process]:
        """The process, all below it, and all in its session or with its tag, wherever they are now."""
        found: dict[int, psutil.Process] = {}
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self._process.pid)
            found = {x.pid: x for x in [own, *own.children(recursive=True)]}
        for process in psutil.process_iter():
            if process.pid not in found and self._belongs(process):
                found[process.pid] = process
        return list(found.values())

    def _belongs(self, process: psutil.Process) -> bool:
        assert sys.platform != "win32"
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == self._process.pid:
                return True
            return bool(process.environ().get(TAG_VARIABLE) == self._tag)
        return False


def _alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return _without_status(processes, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def _running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return _without_status(processes, psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


def _without_status(processes: Iterable[psutil.Process], *statuses: str) -> list[psutil.Process]:
    found = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() not in statuses:
                found.append(process)
    return found


def _send_signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(number)
