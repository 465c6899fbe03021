"""How a student's process ended, as far as the kernel, the fork server and the control group say."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import NamedTuple

from autograder.core import wording
from autograder.core.limits import Limits
from autograder.core.records import Fault

KILLED = 9  # SIGKILL, which Windows does not name
CPU_TIME = 24  # SIGXCPU, likewise
VMSTAT = Path("/proc/vmstat")


class Ending(NamedTuple):
    """The fault of what was running then, and what it did, to follow "Your code" or "it"."""

    fault: Fault
    did: str


UNKNOWN = Ending("raised", wording.ENDED_SOMEHOW)


DEVICE_MEMORY = "device memory"


def ending_of(number: int, over: str, limits: Limits, device_bytes: int = 0) -> Ending:
    """The ending of a process, from the signal that ended it (0 if none did) and the limit it was over.

    `over` is "memory", "files", DEVICE_MEMORY or empty; the kernel's out-of-memory killer counts as "memory".
    `device_bytes` is how much of the card's memory it was allowed.
    """
    if over == DEVICE_MEMORY:
        return Ending("memory", wording.used_too_much_gpu_memory(device_bytes or limits.device_bytes))
    if over == "memory":
        return Ending("memory", wording.used_too_much_memory(limits.total_bytes))
    if over == "files":
        return Ending("memory", wording.wrote_too_much(limits.tmp_bytes, limits.tmp_files))
    if number == CPU_TIME:
        return Ending("timeout", wording.used_up_cpu_time(limits.cpu_seconds))
    if number == KILLED:
        return UNKNOWN
    return Ending("raised", wording.crashed(_name(number)) if number else wording.ENDED)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def out_of_memory_kills() -> int:
    """How many processes of this machine the kernel has killed for lack of memory; 0 if it does not say."""
    try:
        lines = VMSTAT.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
