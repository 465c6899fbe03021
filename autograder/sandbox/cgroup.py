"""A memory limit for all processes of a submission together, where control groups may be made.

The warm process lives in the group with the one submission that it serves at a time. When memory runs out
there, the kernel ends what offers itself first: the student's processes (see limits.py).
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
WARM_BYTES = 1 << 30
"""What the warm process may hold itself, apart from the submission."""


def available() -> bool:
    """Whether a group can be made and limited here, tried for real."""
    made = make(1 << 30)
    if made is not None:
        remove(made)
    return made is not None


def make(memory_bytes: int) -> Path | None:
    """A fresh group with this limit for memory and swap together; None where that is not allowed."""
    for parent, limit, swap in _places():
        group = None
        try:
            _remove_left(parent)
            group = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
            (group / limit).write_text(str(memory_bytes))
            with contextlib.suppress(OSError):  # no swap, or no account of it
                (group / swap).write_text("0" if limit == "memory.max" else str(memory_bytes))
            return group
        except OSError:
            if group is not None:
                remove(group)
    return None


def remove(group: Path) -> None:
    """Take a group away, once the last of its processes is gone."""
    for _ in range(50):
        try:
            group.rmdir()
            return
        except OSError as error:
            if error.errno != errno.EBUSY:
                return
            time.sleep(0.02)


def _places() -> list[tuple[Path, str, str]]:
    """Where a group could hang, with the names of its limits: below our own, in version 1 or 2."""
    places = []
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if "memory" in controllers.split(","):
            parent = MOUNT / "memory" / own.lstrip("/")
            places.append((parent, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"))
        elif not controllers:
            parent = MOUNT / own.lstrip("/")
            if _hands_on_memory(parent):
                places.append((parent, "memory.max", "memory.swap.max"))
    return places


def _hands_on_memory(parent: Path) -> bool:
    """Version 2: whether groups below may limit memory; only a group without processes can be told to."""
    control = parent / "cgroup.subtree_control"
    with contextlib.suppress(OSError):
        if "memory" not in control.read_text().split():
            control.write_text("+memory")
        return "memory" in control.read_text().split()
    return False


def _remove_left(parent: Path) -> None:
    """Take away what a grader left that was killed."""
    for group in parent.glob(f"{PREFIX}*"):
        pid = group.name.removeprefix(PREFIX).split("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            remove(group)
