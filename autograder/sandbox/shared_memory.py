"""What a submission leaves in /dev/shm, in the forms where that is the machine's own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Set

from autograder.sandbox.namespaces import SHM
from autograder.sandbox.removal import remove


def names() -> frozenset[str]:
    """What there is."""
    try:
        return frozenset(os.listdir(SHM))
    except OSError:
        return frozenset()


def new(before: Set[str], uid: int) -> list[str]:
    """Paths of what belongs to `uid` and was not there before."""
    paths = [f"{SHM}/{name}" for name in names() - before]
    return [path for path in paths if _owner(path) == uid]


def remove_new(before: Set[str], uid: int) -> None:
    """Take away what belongs to `uid` and was not there before, unless a living process uses it.

    Another worker's student, and whoever else runs under this uid, keeps what is open.
    """
    found = new(before, uid)
    used = used_by(name for name in os.listdir("/proc") if name.isdigit()) if found else frozenset()
    for path in found:
        with contextlib.suppress(OSError):
            if any(place == path or place.startswith(f"{path}/") for place in used):
                continue
            if os.path.isdir(path) and not os.path.islink(path):
                remove(path)
            else:
                os.unlink(path)


def _owner(path: str) -> int:
    try:
        return os.lstat(path).st_uid
    except OSError:
        return -1


def used_by(pids: Iterable[int | str]) -> frozenset[str]:
    """Paths below /dev/shm that one of these processes has open or mapped, as far as /proc tells us."""
    found: set[str] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    found.add(os.readlink(f"/proc/{pid}/fd/{number}"))
            with open(f"/proc/{pid}/maps", errors="replace") as maps:
                found.update(line.split(maxsplit=5)[5].rstrip("\n") for line in maps if SHM in line)
    return frozenset(path for path in found if path.startswith(f"{SHM}/"))
