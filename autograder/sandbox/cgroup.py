"""One memory limit for all processes of a submission together, where control groups can be created.

The fork server is in the group too, with the one submission it serves at a time. When memory runs out, the
kernel kills the student's processes first: limits.py gives them the highest oom_score_adj.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import time
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
PREFIX = "autograder-"
FORK_SERVER_BYTES = 1 << 30
"""What the fork server itself may use, apart from the submission."""


def available() -> bool:
    """Whether a group can be created and limited here; creates one to find out."""
    group = make(1 << 30)
    if group is not None:
        remove(group)
    return group is not None


def make(memory_bytes: int) -> Path | None:
    """Create a group with this limit for memory and swap together; None where that is not allowed."""
    for parent, limit, swap in _parents():
        group = None
        try:
            _remove_stale(parent)
            group = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
            (group / limit).write_text(str(memory_bytes))
            with contextlib.suppress(OSError):  # no swap, or the kernel does not count it
                (group / swap).write_text("0" if limit == "memory.max" else str(memory_bytes))
            return group
        except OSError:
            if group is not None:
                remove(group)
    return None


def remove(group: Path) -> None:
    """Remove a group once its last process is gone; give up after a second."""
    for _ in range(50):
        try:
            group.rmdir()
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
            time.sleep(0.02)


def _parents() -> list[tuple[Path, str, str]]:
    """Our own groups (version 1 or 2), below which one could be created, and the names of its limit files."""
    parents = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            parent = MOUNT / "memory" / own.lstrip("/")
            parents.append((parent, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"))
        elif not controllers:
            parent = MOUNT / own.lstrip("/")
            if _delegates_memory(parent):
                parents.append((parent, "memory.max", "memory.swap.max"))
    return parents


def _delegates_memory(parent: Path) -> bool:
    """Whether groups below `parent` (version 2) can limit memory; turn that on if it is off.

    The kernel refuses to turn it on while `parent` itself has processes.
    """
    control = parent / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        if "memory" not in control.read_text().split():
            control.write_text("+memory")
        return "memory" in control.read_text().split()
    return False


def _remove_stale(parent: Path) -> None:
    """Remove the groups of graders that were killed."""
    for group in parent.glob(f"{PREFIX}*"):
        pid = group.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            remove(group)
