"""Resource limits of one submission.

Imports the standard library only: the sandbox's bootstrap loads this module and has to start in milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

MIB = 1 << 20
LARGEST = 1 << 60  # above this, system calls overflow

# Of the files handed in beside a notebook. They also count towards tmp_bytes and tmp_files below.
MAX_BESIDE_FILES = 200
MAX_BESIDE_FILE_BYTES = 16 * MIB
MAX_BESIDE_BYTES = 32 * MIB
MAX_BESIDE_DEPTH = 8
"""Folders in folders, counting the notebook's own."""


@dataclass(frozen=True)
class Limits:
    """What one submission may use, in bytes, seconds and counts."""

    memory_bytes: int = 2048 * MIB
    """Per process, on top of what the fork server already uses."""
    total_bytes: int = 4096 * MIB
    """All processes of a submission together. A control group also counts its files in memory."""
    cpu_seconds: int = 120
    """Processor time per process."""
    processes: int = 64
    """Processes and threads together."""
    open_files: int = 512
    """Per process."""
    file_bytes: int = 256 * MIB
    """Size of one file."""
    tmp_bytes: int = 512 * MIB
    """Size of /tmp, and as much again for /dev/shm."""
    tmp_files: int = 8192
    """Files in /tmp, and as many again in /dev/shm."""
    device_bytes: int = 2048 * MIB
    """Memory on the GPU of all processes of a submission together, contexts included."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 < getattr(self, field.name) <= LARGEST:
                raise ValueError(f"{field.name} has to be above 0 and at most 2**60")
