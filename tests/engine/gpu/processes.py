"""Processes of this machine as Linux shows them in /proc: who started whom, and how to end a whole tree."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

WORKER = "autograder.workers.worker"


def parent_of(pid: int) -> int:
    """The parent of a process; 0 if it has none or has ended."""
    with contextlib.suppress(OSError):
        # "pid (name) state parent …"; the name may contain anything, also spaces and parentheses
        return int(
            (Path("/proc") / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        )
    return 0


def descendants(root: int) -> list[int]:
    """All processes below `root`, whatever session they are in."""
    running = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    tree = {pid: parent_of(pid) for pid in running}
    found = [root]
    for pid in found:
        found += [child for child, parent in tree.items() if parent == pid]
    return found[1:]


def kill_tree(root: int) -> None:
    """End a process and everything below it. What it starts meanwhile is ended, too."""
    known: set[int] = set()
    while fresh := {root, *descendants(root)} - known:
        known |= fresh
        for pid in fresh:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP if pid == root else signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(root, signal.SIGKILL)


def is_worker(pid: int) -> bool:
    """Whether this is a process that grades submissions, see autograder/workers/worker.py."""
    return WORKER in _words(pid)


def is_ours(pid: int) -> bool:
    """Whether this is any process of the package: a number may be another program's by now."""
    return any("autograder" in word for word in _words(pid))


def _words(pid: int) -> list[str]:
    """A process's command line; empty if it has ended."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def worker_above(pid: int) -> int | None:
    """The worker to which a process belongs; the worker itself belongs to itself. None if to no worker."""
    while pid:
        if is_worker(pid):
            return pid
        pid = parent_of(pid)
    return None
