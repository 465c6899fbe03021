"""Bounds that no kernel keeps here: the warm process looks at them several times a second.

Without a file system of its own a submission's folder has no size, and without a control group memory is
limited for each process only. A submission that is over is ended as a whole. Between two looks it can take
more, as much as can be written in that time.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.core.limits import Limits
from autograder.sandbox import shared_memory
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.kill_tree import descendants

LEAST_PAUSE_S, MOST_PAUSE_S = 0.1, 1.0
_SPARING = 5
"""How many times as long as a look the pause after it is, within these bounds."""
_BLOCK = 512


@dataclass
class UsagePoller:
    """What one submission may use, and where to look for it."""

    limits: Limits
    capabilities: Capabilities
    folder: str
    shared_before: frozenset[str]
    uid: int
    pause: float = LEAST_PAUSE_S
    """How long to wait until the next look."""

    def needed(self) -> bool:
        return not (self.capabilities.mount and self.capabilities.cgroup)

    def over(self) -> bool:
        """Whether the submission holds more than it may, now."""
        begun = time.monotonic()
        # In a pid namespace without a /proc of its own, nobody can be found.
        pids = [] if self.capabilities.pid and not self.capabilities.proc else list(descendants())
        over = not self.capabilities.mount and self._too_many_files(pids)
        over = over or (not self.capabilities.cgroup and _over_in_memory(pids, self.limits.total_bytes))
        spent = time.monotonic() - begun
        self.pause = min(MOST_PAUSE_S, max(LEAST_PAUSE_S, _SPARING * spent))
        return over

    def _too_many_files(self, pids: Iterable[int]) -> bool:
        """In its folder, without a name, or in /dev/shm.

        Where another worker's student has the same uid, only what it uses there is known to be its own.
        """
        if self.capabilities.uids:
            shared: Iterable[str] = shared_memory.new(self.shared_before, self.uid)
        else:
            shared = shared_memory.used_by(pids)
        return self._beyond([self.folder], _nameless(pids)) or self._beyond(shared, 0)

    def _beyond(self, paths: Iterable[str], nameless: int) -> bool:
        """Whether these and all below them, with the bytes of nameless files, are over the bounds."""
        todo = list(paths)
        count, held = len(todo), nameless
        while todo and count <= self.limits.tmp_files and held <= self.limits.tmp_bytes:
            path = todo.pop()
            try:
                here = os.lstat(path)
                held += here.st_blocks * _BLOCK
                if stat.S_ISDIR(here.st_mode):
                    inside = os.listdir(path)
                    count += len(inside)
                    todo += [f"{path}/{name}" for name in inside]
            except FileNotFoundError:
                continue
            except OSError:  # closed against a look, or deeper than a path can say: no honest work is
                return True
        return count > self.limits.tmp_files or held > self.limits.tmp_bytes


def _nameless(pids: Iterable[int]) -> int:
    """Bytes of the files that these processes have open and that no folder shows any more."""
    held: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    file = os.stat(f"/proc/{pid}/fd/{number}")
                    if stat.S_ISREG(file.st_mode) and not file.st_nlink:
                        held[file.st_dev, file.st_ino] = file.st_blocks * _BLOCK
    return sum(held.values())


def _over_in_memory(pids: Sequence[int], limit: int) -> bool:
    """Whether all of these hold more together; what several share counts once, though that costs more."""
    return sum(map(_resident, pids)) > limit and sum(map(_share, pids)) > limit


def _resident(pid: int) -> int:
    """With all that it shares with others: an upper bound."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _share(pid: int) -> int:
    """Its part of what it shares; all of it where the process keeps that to itself."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) << 10
    except (OSError, StopIteration):
        return _resident(pid)
