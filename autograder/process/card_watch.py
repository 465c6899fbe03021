"""Watch how much of the GPU's memory a submission holds: kill it over its limit, and see it freed at its end.

PyTorch's own limit (student/gpu.py) stops honest code, process by process. Nothing stops code that lifts it,
calls the driver itself or starts many processes, so the grader asks the driver, through NVML, ten times a
second. A submission can exceed its limit by what it manages to take between two looks.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import psutil

from autograder.core.limits import MIB

PAUSE_S = 0.1
FREED_S = 5.0
"""How long the driver may take to free the memory of a process that was killed."""
_GIB = 1024 * MIB


class Nvml(Protocol):
    """What the watch asks of the driver."""

    def held(self) -> Mapping[int, int]:
        """Bytes that each process holds on any GPU of this machine, by its pid as seen from this process."""


class DriverNvml:
    """NVML itself. Raises ImportError without nvidia-ml-py, and RuntimeError if NVML does not answer."""

    def __init__(self) -> None:
        pynvml: Any = importlib.import_module("pynvml")  # only where there is a GPU
        self._nvml = pynvml
        try:
            pynvml.nvmlInit()
            self._cards = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            raise RuntimeError(f"NVML reports {str(error)!r}") from None

    def held(self) -> Mapping[int, int]:
        total: dict[int, int] = {}
        for card in self._cards:
            try:
                processes = self._nvml.nvmlDeviceGetComputeRunningProcesses(card)
            except self._nvml.NVMLError:  # a card that is busy being reset, or that went away
                continue
            for process in processes:
                if process.usedGpuMemory is not None:  # Windows does not say
                    total[process.pid] = total.get(process.pid, 0) + process.usedGpuMemory
        return total


class CardMeter:
    """The means to watch, if there are any here; `why_not` says why there are none."""

    def __init__(self, make: Callable[[], Nvml] = DriverNvml) -> None:
        self.nvml: Nvml | None = None
        self.why_not = ""
        try:
            self.nvml = make()
        except ImportError:
            self.why_not = "the package nvidia-ml-py is not installed"
        except RuntimeError as error:
            self.why_not = str(error)

    def check(self, pid: int | None = None) -> None:
        """Stop using NVML if it does not name this process, which holds memory on the GPU at this moment.

        In most containers NVML names no process, or names them by numbers that mean nothing there.
        """
        if self.nvml is not None and not self.nvml.held().get(pid or os.getpid()):
            self.nvml = None
            self.why_not = "NVML names no processes here, as in most containers"

    def sentence(self, device_bytes: int) -> str:
        """One line for the user: how the GPU's memory is bounded."""
        limit = f"GPU: at most {device_bytes / _GIB:.3g} GiB"
        if self.nvml is not None:
            return f"{limit} for each submission, watched through NVML"
        return (
            f"{limit} for each process of a submission, by PyTorch's own limit only, since {self.why_not}; "
            "open: code that lifts this limit"
        )


class CardWatch:
    """Watches one submission, in a thread, from its start to its end."""

    def __init__(
        self,
        nvml: Nvml,
        limit: int,
        owns: Callable[[int], bool],
        kill: Callable[[], None],
        pause: float = PAUSE_S,
    ) -> None:
        """`owns` says whether a pid belongs to the submission; `kill` ends everything it started."""
        self.nvml = nvml
        self.limit = limit
        self.over = False
        """Whether it was killed because it held more than `limit` bytes."""
        self.peak = 0
        """The most bytes that it was seen to hold."""
        self._owns = owns
        self._kill = kill
        self._pause = pause
        self._seen: set[int] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="card watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Look once more, then no longer. Call before the submission is killed."""
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()
        if not self.over:
            self._look()

    def _watch(self) -> None:
        while not self._done.wait(self._pause):
            if self._look() > self.limit:
                self.over = True  # before the kill: the grader asks as soon as the process is gone
                self._kill()
                return

    def _look(self) -> int:
        """Bytes that the submission holds now."""
        mine = {pid: held for pid, held in self.nvml.held().items() if pid in self._seen or self._owns(pid)}
        self._seen |= mine.keys()
        total = sum(mine.values())
        self.peak = max(self.peak, total)
        return total

    def left(self, seconds: float = FREED_S) -> int:
        """Once it was killed: bytes that its processes still hold, after waiting for them to be freed."""
        deadline = time.monotonic() + seconds
        while True:
            held = self.nvml.held()
            left = sum(held.get(pid, 0) for pid in self._seen)
            if not left or time.monotonic() >= deadline:
                return left
            time.sleep(self._pause)


def descends_from(pid: int, ancestor: int) -> bool:
    """Whether a process is this ancestor or was started below it, as far as the system says."""
    try:
        return pid == ancestor or any(parent.pid == ancestor for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return False
