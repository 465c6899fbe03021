"""Adding up what a card holds, with a stub instead of the card."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.engine.gpu.memory import MIB, Nvml, Peaks, Watch, size
from tests.engine.gpu.processes import descendants, is_worker, kill_tree, worker_above

WORKERS = {11: 1, 12: 1, 1: 1, 21: 2, 2: 2}
"""The worker of each process: 1 has the processes 11 and 12, 2 has 21. Of 99 there is none."""


class StubCard:
    """Shows each sample once, and the last one for ever."""

    def __init__(self, *samples: tuple[int, Mapping[int, int] | None]) -> None:
        self.samples = list(samples)
        self.now = samples[0]

    def used(self) -> int:
        self.now = self.samples.pop(0) if len(self.samples) > 1 else self.samples[0]
        return self.now[0] * MIB

    def by_process(self) -> Mapping[int, int] | None:
        held = self.now[1]
        return held if held is None else {pid: each * MIB for pid, each in held.items()}


def watched(*samples: tuple[int, Mapping[int, int] | None]) -> Watch:
    """A watch that has seen all samples. The first is what was there before."""
    card = StubCard(*samples)
    with Watch(card, WORKERS.get) as watch:
        while len(card.samples) > 1 and not watch.error:
            time.sleep(0.01)
        time.sleep(0.2)
    return watch


def test_a_submission_is_all_of_its_processes_and_not_its_worker() -> None:
    watch = watched(
        (100, {}),
        (900, {1: 300, 11: 400, 99: 5000}),
        (1900, {1: 350, 11: 400, 12: 500, 2: 300, 21: 450}),
        (400, {1: 300}),
    )
    assert watch.before == 100 * MIB
    assert watch.peaks == Peaks(1900 * MIB, 900 * MIB, 350 * MIB, 2)


def test_a_driver_that_tells_nothing_by_process_leaves_the_total() -> None:
    assert watched((100, None), (700, None), (100, None)).peaks == Peaks(used=700 * MIB)


def test_a_card_that_fails_meanwhile_is_reported() -> None:
    card = StubCard((100, {}))
    card.by_process = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    with Watch(card, WORKERS.get) as watch:
        pass
    assert watch.error == "the card could not be sampled (ZeroDivisionError: division by zero)"


def test_memory_that_comes_back_and_memory_that_does_not() -> None:
    watch = Watch(StubCard((100, {}), (900, {}), (500, {}), (101, {})), WORKERS.get)
    assert watch.freed_after(600.0) is not None
    stuck = Watch(StubCard((100, {}), (900, {}), (300, {})), WORKERS.get)
    assert stuck.freed_after(0.3) is None
    assert stuck.left() == 200 * MIB


def test_sizes_are_for_people() -> None:
    assert size(143771 * MIB) == "143,771 MiB"


class StubNvml:
    """The few calls of pynvml that are used."""

    class NVMLError_NotSupported(Exception):  # noqa: N801  pynvml's name
        pass

    def __init__(self, *running: tuple[int, int | None], supported: bool = True) -> None:
        self.running = [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in running]
        self.supported = supported
        self.asked = ""

    def nvmlInit(self) -> None: ...

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"index {index}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self.asked = uuid
        return uuid

    def nvmlDeviceGetMemoryInfo(self, card: str) -> SimpleNamespace:
        return SimpleNamespace(used=7, total=9)

    def nvmlDeviceGetComputeRunningProcesses(self, card: str) -> list[SimpleNamespace]:
        if not self.supported:
            raise self.NVMLError_NotSupported
        return self.running


def nvml_with(monkeypatch: pytest.MonkeyPatch, stub: StubNvml, uuid: str = "") -> Nvml:
    monkeypatch.setitem(sys.modules, "pynvml", stub)  # type: ignore[arg-type]
    return Nvml(uuid)


def test_nvml_is_asked_for_the_card_that_pytorch_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    stub = StubNvml((5, 100), (5, 20), (6, 1))
    card = nvml_with(monkeypatch, stub, "f00d")
    assert (stub.asked, card.used(), card.by_process()) == ("GPU-f00d", 7, {5: 120, 6: 1})


def test_nvml_that_does_not_know_is_no_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nvml_with(monkeypatch, StubNvml((5, 100), (6, None))).by_process() is None
    assert nvml_with(monkeypatch, StubNvml(supported=False)).by_process() is None


NEST = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"


def test_a_worker_is_found_above_its_processes_and_a_tree_is_ended(tmp_path: Path) -> None:
    nested = subprocess.Popen([sys.executable, "-c", NEST, "autograder.workers.worker"])
    try:
        while not (below := descendants(nested.pid)):
            time.sleep(0.02)
        assert is_worker(nested.pid)
        assert [worker_above(pid) for pid in (nested.pid, below[0])] == [nested.pid, nested.pid]
        assert worker_above(1) is None
    finally:
        kill_tree(nested.pid)
        nested.wait()
    while Path(f"/proc/{below[0]}").exists() and _state(below[0]) != "Z":
        time.sleep(0.02)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
