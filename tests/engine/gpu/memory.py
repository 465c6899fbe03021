"""What the card holds while submissions are graded: sampled twenty times a second, added up by submission."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tests.engine.gpu.processes import worker_above

MIB = 1 << 20
INTERVAL = 0.05
FREED_SECONDS = 20.0
SLACK = 64 * MIB
"""What may remain and still count as freed: the driver keeps a little for itself."""


class Gauge(Protocol):
    """What is asked of a card; a stub stands in for it in the tests."""

    def used(self) -> int:
        """Bytes of the card that are taken, by whomever."""

    def by_process(self) -> Mapping[int, int] | None:
        """Bytes that each process holds, contexts included; None if the driver does not say."""


class Nvml:
    """The card as NVIDIA's management library shows it."""

    def __init__(self, uuid: str) -> None:
        import pynvml

        self._nvml: Any = pynvml
        pynvml.nvmlInit()
        self._card = self._handle(uuid)

    def _handle(self, uuid: str) -> Any:
        """PyTorch's card 0, which need not be NVML's."""
        if not uuid:
            return self._nvml.nvmlDeviceGetHandleByIndex(0)
        name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
        return self._nvml.nvmlDeviceGetHandleByUUID(name)

    def used(self) -> int:
        return int(self._nvml.nvmlDeviceGetMemoryInfo(self._card).used)

    def by_process(self) -> dict[int, int] | None:
        try:
            running = self._nvml.nvmlDeviceGetComputeRunningProcesses(self._card)
        except self._nvml.NVMLError_NotSupported:
            return None
        held: Counter[int] = Counter()
        for process in running:
            if process.usedGpuMemory is None:
                return None
            held[process.pid] += process.usedGpuMemory
        return dict(held)


@dataclass
class Peaks:
    """The highest values that were seen; bytes, and a count. Those by process are 0 if none was told."""

    used: int = 0
    submission: int = 0
    """All processes of one submission together."""
    worker: int = 0
    """A process that grades: the references run there."""
    together: int = 0
    """How many submissions held memory at the same moment."""

    def add(self, used: int, held: Mapping[int, int], worker_of: Callable[[int], int | None]) -> None:
        """Take one sample into account. A worker grades one submission at a time."""
        self.used = max(self.used, used)
        submissions: Counter[int] = Counter()
        for pid, size in held.items():
            worker = worker_of(pid)
            if worker == pid:
                self.worker = max(self.worker, size)
            elif worker is not None:
                submissions[worker] += size
        self.submission = max([self.submission, *submissions.values()])
        self.together = max(self.together, len(submissions))


class Watch:
    """Samples the card in a thread for as long as the `with` statement runs."""

    def __init__(self, gauge: Gauge, worker_of: Callable[[int], int | None] = worker_above) -> None:
        self._gauge = gauge
        self._worker_of = worker_of
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.before = gauge.used()
        self.peaks = Peaks()
        self.error = ""
        """Why it stopped sampling before its end; empty if it did not."""

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        try:
            while True:
                self.peaks.add(self._gauge.used(), self._gauge.by_process() or {}, self._worker_of)
                if self._done.wait(INTERVAL):
                    return
        except Exception as error:
            self.error = f"the card could not be sampled ({type(error).__name__}: {error})"

    def freed_after(self, seconds: float = FREED_SECONDS) -> float | None:
        """Wait until the card holds no more than before; returns the seconds, or None if it never did."""
        start = time.monotonic()
        while self.left() > SLACK:
            if time.monotonic() - start > seconds:
                return None
            time.sleep(INTERVAL)
        return time.monotonic() - start

    def left(self) -> int:
        """Bytes that the card holds now beyond what it held before."""
        return max(0, self._gauge.used() - self.before)


def size(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / MIB:,.0f} MiB"
