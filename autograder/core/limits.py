"""TODO core.limits."""

from __future__ import annotations

import sys
from dataclasses import dataclass

if sys.platform != "win32":
    pass


MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Bytes, seconds and counts."""

    memory_bytes: int = 2048 * MIB
    """On top of what the warm process already holds, for each process."""
    total_bytes: int = 4096 * MIB
    """Of all processes of a submission together and the files in its memory, where a group can be limited."""
    cpu_seconds: int = 120
    """Processor time of each process."""
    processes: int = 64
    """Processes and threads together."""
    open_files: int = 512
    file_bytes: int = 256 * MIB
    tmp_bytes: int = 512 * MIB
    """Of /tmp, and as much again of /dev/shm."""
    tmp_files: int = 8192
