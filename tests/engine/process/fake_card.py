"""A stub of NVML, and a launcher that believes there is a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from autograder.core.limits import MIB, Limits
from autograder.process import forkserver_launcher
from autograder.process import launcher as launcher_module
from autograder.process.card_watch import CardMeter
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.launch import launch

FAKE_LIMITS = Limits(memory_bytes=600 * MIB, cpu_seconds=60, processes=32, tmp_bytes=64 * MIB)


class FakeNvml:
    """Every process in `using` holds `each` bytes for as long as it lives, or for good if it `leaks`."""

    def __init__(self, each: int = 500 * MIB) -> None:
        self.each = each
        self.using: Callable[[], list[int]] = list
        self.leaks = False
        self.looks = 0
        self._ever: set[int] = set()

    def held(self) -> Mapping[int, int]:
        self.looks += 1
        self._ever |= set(self.using())
        return {pid: self.each for pid in self._ever if self.leaks or _alive(pid)}


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def below(root: int, levels: int) -> list[int]:
    """The processes at least so many levels below `root`."""
    try:
        found = psutil.Process(root).children(recursive=True)
        return [process.pid for process in found if _level(process, root) >= levels]
    except psutil.Error:
        return []


def _level(process: psutil.Process, root: int) -> int:
    return [parent.pid for parent in process.parents()].index(root) + 1


@contextmanager
def launcher_with_card(nvml: FakeNvml, capabilities: Capabilities | None = None) -> Iterator[Launcher]:
    """A launcher with device "cuda" on a machine without one: the sandbox lets no GPU through."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
        patch.setattr(launcher_module, "CardMeter", lambda: CardMeter(lambda: nvml))
        patch.setattr(forkserver_launcher, "launch", _launch_without_gpu)
        with launcher_for(FAKE_LIMITS, "cuda", capabilities) as launcher:
            yield launcher


def _launch_without_gpu(*args: Any, gpu: bool, **named: Any) -> Any:
    assert gpu == ("PYTORCH_NVML_BASED_CUDA_CHECK" in named["env"])
    return launch(*args, **named)
