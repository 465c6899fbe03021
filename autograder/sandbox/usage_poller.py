"""Limits that the kernel does not enforce here; the fork server checks them up to ten times a second.

Without a file system of its own, a submission's folder has no maximum size; without a control group, memory
is limited only for each process. A submission that is over its limits is killed as a whole. It can exceed
them by what it manages to write between two checks.
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

MIN_PAUSE_S, MAX_PAUSE_S = 0.1, 1.0
_PAUSE_PER_CHECK = 5
"""The pause after a check is this many times as long as the check, within these bounds."""
_BLOCK = 512


@dataclass
class UsagePoller:
    """What one submission may use, and where to look for what it does use.

    `shared_before` holds the names that were in /dev/shm before the submission started.
    """

    limits: Limits
    capabilities: Capabilities
    folder: str
    shared_before: frozenset[str]
    uid: int
    pause: float = MIN_PAUSE_S
    """Seconds to wait before the next check."""

    def needed(self) -> bool:
        """Whether there is anything that the kernel does not enforce."""
        return not (self.capabilities.mount and self.capabilities.cgroup)

    def over(self) -> str:
        """Of what the submission now uses too much: "files", "memory" or, if neither, an empty string.

        Adapts `pause` to how long this took.
        """
        started = time.monotonic()
        # In a pid namespace without its own /proc, no process can be found.
        pids = [] if self.capabilities.pid and not self.capabilities.proc else list(descendants())
        over = ""
        if not self.capabilities.mount and self.too_many_files(pids):
            over = "files"
        elif not self.capabilities.cgroup and _over_in_memory(pids, self.limits.total_bytes):
            over = "memory"
        spent = time.monotonic() - started
        self.pause = min(MAX_PAUSE_S, max(MIN_PAUSE_S, _PAUSE_PER_CHECK * spent))
        return over

    def too_many_files(self, pids: Iterable[int]) -> bool:
        """Whether there are too many files or bytes in its folder (with unlinked files) or in /dev/shm.

        If students have no uids of their own, only what these processes use in /dev/shm is known to
        belong to the submission.
        """
        if self.capabilities.uids:
            shared: Iterable[str] = shared_memory.new_paths(self.shared_before, self.uid)
        else:
            shared = shared_memory.used_by(pids)
        return self._too_large([self.folder], _unlinked_bytes(pids)) or self._too_large(shared, 0)

    def _too_large(self, paths: Iterable[str], unlinked_bytes: int) -> bool:
        """Whether these paths and everything below them, plus `unlinked_bytes`, exceed the limits."""
        todo = list(paths)
        count, size = len(todo), unlinked_bytes
        while todo and count <= self.limits.tmp_files and size <= self.limits.tmp_bytes:
            path = todo.pop()
            try:
                status = os.lstat(path)
                size += status.st_blocks * _BLOCK
                if stat.S_ISDIR(status.st_mode):
                    names = os.listdir(path)
                    count += len(names)
                    todo += [f"{path}/{name}" for name in names]
            except FileNotFoundError:
                continue
            except OSError:  # unreadable, or nested too deeply for a path: no honest work does that
                return True
        return count > self.limits.tmp_files or size > self.limits.tmp_bytes


def _unlinked_bytes(pids: Iterable[int]) -> int:
    """Bytes in files that these processes have open but that are no longer in any folder."""
    sizes: dict[tuple[int, int], int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    file = os.stat(f"/proc/{pid}/fd/{number}")
                    if stat.S_ISREG(file.st_mode) and not file.st_nlink:
                        sizes[file.st_dev, file.st_ino] = file.st_blocks * _BLOCK
    return sum(sizes.values())


def _over_in_memory(pids: Sequence[int], limit: int) -> bool:
    """Whether these processes together hold more than `limit` bytes, shared memory counted once.

    The exact count is slow, so it is made only when the upper bound is over the limit.
    """
    return sum(map(_resident, pids)) > limit and sum(map(_proportional, pids)) > limit


def _resident(pid: int) -> int:
    """Resident bytes, including all that is shared with others: an upper bound."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _proportional(pid: int) -> int:
    """Resident bytes, with shared memory in proportion; or in full, if the process hides the proportion."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) << 10
    except (OSError, StopIteration):
        return _resident(pid)
