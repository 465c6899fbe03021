"""Resource limits of one student's process: memory, processor time, processes, files."""

from __future__ import annotations

import contextlib
import os
import sys

from autograder.core.limits import MIB, Limits

if sys.platform != "win32":
    import resource


def apply(
    limits: Limits, *, other_processes: int, held: tuple[int, int] | None = None, gpu: bool = False
) -> None:
    """Limit this process. `other_processes` is how many others count against the same uid's limit.

    Both address space and data are limited, because data does not count shared mappings. The limits
    are added to what the process already has: after importing the CUDA build of torch, that is
    3.5 GB of address space. `held` gives the bytes of each where /proc does not. With a GPU the address
    space is not limited: CUDA reserves more of it than the machine has memory.
    """
    assert sys.platform != "win32"
    space, data = held or _held()
    if not gpu:
        _lower(resource.RLIMIT_AS, space + limits.memory_bytes)
    _lower(resource.RLIMIT_DATA, data + limits.memory_bytes)
    # One second between the soft and the hard limit: SIGXCPU shows the reason, SIGKILL does not.
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    _lower(resource.RLIMIT_NPROC, limits.processes + other_processes)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes)
    _lower(resource.RLIMIT_STACK, 8 * MIB)
    _lower(resource.RLIMIT_CORE, 0)
    if hasattr(resource, "RLIMIT_MSGQUEUE"):
        _lower(resource.RLIMIT_MSGQUEUE, MIB)
    # When the machine runs out of memory, this process should be killed first, not the grader.
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def apply_plain(limits: Limits) -> None:
    """Limit this process on a system other than Linux, as far as that system can."""
    if sys.platform == "win32":
        return  # its job object has the limits (windows_job.py)
    import psutil

    space = psutil.Process().memory_info().vms
    mine = sum(x.info["uids"].real == os.getuid() for x in psutil.process_iter(["uids"]) if x.info["uids"])
    apply(limits, other_processes=mine, held=(space, space))


def count_threads(uid: int) -> int:
    """How many threads all processes of `uid` have, according to /proc: RLIMIT_NPROC counts every one."""
    count = 0
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
    return count


def _held() -> tuple[int, int]:
    """Bytes of address space and of data that this process already has."""
    assert sys.platform != "win32"
    with open("/proc/self/statm") as file:
        pages = [int(word) for word in file.read().split()]
    size = resource.getpagesize()
    return pages[0] * size, pages[5] * size


def _lower(which: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, never above the present hard one; ignore one that this system lacks."""
    assert sys.platform != "win32"
    _, ceiling = resource.getrlimit(which)
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (soft, hard))
