"""Kill every process that a submission started, so that none outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import time

_DEADLINE_S = 5.0
_AGAIN_S = 0.1
_PAUSE_S = 0.0005
_NOT_RUNNING = "TtZX"  # stopped, traced, zombie, dead


def kill_tree() -> dict[int, int]:
    """Kill and reap every process below this one; return {pid: wait status} of those reaped.

    For pid 1 of a pid namespace, one kill reaches everything at once (the kernel lets no fork slip
    through). Any other caller must be a subreaper, and finds its descendants in /proc.
    Raises TimeoutError after five seconds.
    """
    deadline = time.monotonic() + _DEADLINE_S
    is_init = os.getpid() == 1
    if not is_init:
        _stop(deadline)
    reaped: dict[int, int] = {}
    while time.monotonic() < deadline:
        for pid in [-1] if is_init else descendants():
            _signal(pid, signal.SIGKILL)
        if _reap(reaped, min(deadline, time.monotonic() + _AGAIN_S)):
            return reaped
    raise TimeoutError("a process of the submission could not be killed in time")


def descendants() -> dict[int, str]:
    """All processes below this one, as {pid: state letter}."""
    parents: dict[int, tuple[int, str]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # The name in parentheses may contain anything, so split at the last one.
                state, parent = file.read().rpartition(b")")[2].split()[:2]
                parents[int(name)] = (int(parent), state.decode())
    below: set[int] = {os.getpid()}
    while grown := {pid for pid, (parent, _) in parents.items() if parent in below} - below:
        below |= grown
    return {pid: parents[pid][1] for pid in below if pid != os.getpid()}


def _stop(deadline: float) -> None:
    """Stop every descendant until none is running: killing alone loses to a fork bomb."""
    while time.monotonic() < deadline:
        running = [pid for pid, state in descendants().items() if state not in _NOT_RUNNING]
        if not running:
            return
        for pid in running:
            _signal(pid, signal.SIGSTOP)
        time.sleep(_PAUSE_S)


def _reap(reaped: dict[int, int], until: float) -> bool:
    """Reap until no child is left, orphans included: they become our children. False if time ran out."""
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
