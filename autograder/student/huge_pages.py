"""Huge pages under a process that is going to be forked: a fork copies page tables, not memory."""

from __future__ import annotations

import ctypes
from pathlib import Path

MADV_COLLAPSE = 25
HUGE = 2**21


def collapse_memory() -> None:
    """Ask for huge pages under the heap: a fork copies page tables, and these are 512 times fewer."""
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split()
        if fields[1] == "rw-p" and (len(fields) == 5 or fields[5] == "[heap]"):
            start, end = (int(x, 16) for x in fields[0].split("-"))
            start, end = -(-start // HUGE) * HUGE, end // HUGE * HUGE
            if end > start:
                madvise(
                    start, end - start, MADV_COLLAPSE
                )  # a kernel before 6.1 refuses, which costs only time
