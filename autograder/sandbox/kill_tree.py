"""Nothing a submission started outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import time

_DEADLINE_S = 5.0
_AGAIN_S = 0.1
_PAUSE_S = 0.0005
_STILL = "TtZX"


def kill_tree() -> dict[int, int]:
    """Kill and reap all that a submission left; {pid: wait status} of what was reaped.

    Called in the warm process. As pid 1 of a namespace one kill reaches everything at once
    (the kernel lets no fork slip by); otherwise the warm process is the reaper of its
    descendants and finds them in /proc. Raises TimeoutError after five seconds.
    """
    deadline = time.monotonic() + _DEADLINE_S
    alone = os.getpid() == 1
    if not alone:
        _stop(deadline)
    reaped: dict[int, int] = {}
    while time.monotonic() < deadline:
        for pid in [-1] if alone else descendants():
            _signal(pid, signal.SIGKILL)
        if _reap(reaped, min(deadline, time.monotonic() + _AGAIN_S)):
            return reaped
    raise TimeoutError("a process of the submission did not die in time")


def descendants() -> dict[int, str]:
    """State letters of all processes below this one, by pid."""
    parents: dict[int, tuple[int, str]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # The name in brackets may hold anything, so count from the last bracket.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                parents[int(name)] = (int(parent), state.decode())
    below: set[int] = {os.getpid()}
    while grown := {pid for pid, (up, _) in parents.items() if up in below} - below:
        below |= grown
    return {pid: parents[pid][1] for pid in below if pid != os.getpid()}


def _stop(deadline: float) -> None:
    """Stop every descendant until none runs: only killing loses to a fork bomb."""
    while time.monotonic() < deadline:
        running = [pid for pid, state in descendants().items() if state not in _STILL]
        if not running:
            return
        for pid in running:
            _signal(pid, signal.SIGSTOP)
        time.sleep(_PAUSE_S)


def _reap(reaped: dict[int, int], until: float) -> bool:
    """Whether no child is left; then nothing below is, since orphans become our children."""
    while time.monotonic() < until:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid:
            reaped[pid] = status
        else:
            time.sleep(_PAUSE_S)
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
