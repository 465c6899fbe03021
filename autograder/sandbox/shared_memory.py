"""What a submission leaves in /dev/shm, where it has no /dev/shm of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Set

from autograder.sandbox.namespaces import SHM
from autograder.sandbox.removal import remove


def names() -> frozenset[str]:
    """The names in /dev/shm now."""
    try:
        return frozenset(os.listdir(SHM))
    except OSError:
        return frozenset()


def new_paths(before: Set[str], uid: int) -> list[str]:
    """Paths of what belongs to `uid` and is not among the names in `before`."""
    paths = [f"{SHM}/{name}" for name in names() - before]
    return [path for path in paths if _owner(path) == uid]


def remove_new(before: Set[str], uid: int) -> None:
    """Delete what belongs to `uid` and is not among the names in `before`, unless a living process uses it.

    So another worker's student, or anyone else under this uid, keeps the files that are open.
    """
    found = new_paths(before, uid)
    used = used_by(name for name in os.listdir("/proc") if name.isdigit()) if found else frozenset()
    for path in found:
        with contextlib.suppress(OSError):
            if any(other == path or other.startswith(f"{path}/") for other in used):
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                remove(path)
            else:
                os.unlink(path)


def used_by(pids: Iterable[int | str]) -> frozenset[str]:
    """Paths below /dev/shm that one of these processes has open or mapped, as far as /proc shows."""
    found: set[str] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
            with open(f"/proc/{pid}/maps", errors="replace") as maps:
                found.update(line.split(maxsplit=5)[5].rstrip("\n") for line in maps if SHM in line)
    return frozenset(path for path in found if path.startswith(f"{SHM}/"))


def _owner(path: str) -> int:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return -1
