"""Huge pages for a process that will be forked: the page tables that a fork copies are 512 times smaller."""

from __future__ import annotations

import ctypes
from pathlib import Path

MADV_COLLAPSE = 25
HUGE_PAGE = 2**21  # bytes


def collapse_memory() -> None:
    """Ask the kernel to back the heap with huge pages."""
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split()
        if fields[1] == "rw-p" and (len(fields) == 5 or fields[5] == "[heap]"):
            first, last = (int(x, 16) for x in fields[0].split("-"))
            start, end = -(-first // HUGE_PAGE) * HUGE_PAGE, last // HUGE_PAGE * HUGE_PAGE
            if end > start:
                # Kernels before 6.1 refuse, which only makes forks slower.
                madvise(start, end - start, MADV_COLLAPSE)
