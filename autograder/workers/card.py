"""The GPU: whether one can be used, why not, and how many submissions share it.

The real test is a short program, card_probe.py, so that a command's own process never touches CUDA.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autograder.core.errors import NoCard
from autograder.core.limits import MIB, Limits
from autograder.core.records import WorkerConfig
from autograder.core.settings import Settings
from autograder.course.course import Course
from autograder.sandbox import launch as sandbox
from autograder.sandbox.capabilities import SandboxError
from autograder.sandbox.gpu_paths import find_gpu

PROBE = Path(__file__).with_name("card_probe.py")
PROBE_SECONDS = 120.0
VISIBLE = "CUDA_VISIBLE_DEVICES"
NONE_VISIBLE = "No CUDA GPUs are available"
"""PyTorch's words where there is a driver and no card."""
GIB = 1024 * MIB
WORKER_BYTES = 512 * MIB
"""What a worker itself takes on the card, beside its submission: the context in which references answer."""


@dataclass(frozen=True)
class Card:
    """A GPU that can be used; `free_bytes` is what other programs left free when it was looked at."""

    name: str
    total_bytes: int
    free_bytes: int
    driver: str
    """The driver's version; empty if the machine does not say."""
    cuda: str
    """The version of CUDA that PyTorch was built for."""
    torch: str

    @property
    def sentence(self) -> str:
        """The card and its versions, in one line."""
        driver = f"driver {self.driver}, " if self.driver else ""
        memory = f"{gib(self.free_bytes)} of {gib(self.total_bytes)} free"
        return f"{self.name}, {memory}, {driver}PyTorch {self.torch} for CUDA {self.cuda}"


class Found(msgspec.Struct, frozen=True):
    """What the probe printed: versions, and either a card or an error; or else how it failed itself."""

    torch: str = ""
    cuda: str = ""
    rocm: str = ""
    error: str = ""
    shared: bool = True
    """Whether a second process could use the card at the same time; only asked if the first could."""
    name: str = ""
    total_bytes: int = 0
    free_bytes: int = 0
    driver: str = ""
    failed: str = ""
    """How the probe itself failed, to follow "since"."""


Probe = Callable[[Mapping[str, str]], Found]
"""Looks at the card with these environment variables."""


def run_probe(environment: Mapping[str, str]) -> Found:
    """Run card_probe.py with this Python."""
    argv = [sys.executable, "-P", str(PROBE)]
    try:
        done = subprocess.run(
            argv, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=PROBE_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Found(failed=f"a test program for it did not end within {PROBE_SECONDS:.0f} seconds")
    lines = done.stdout.splitlines()
    try:
        return msgspec.json.decode(lines[-1], type=Found)
    except (IndexError, msgspec.DecodeError):
        last = (done.stderr.strip().splitlines() or [_ending(done.returncode)])[-1]
        return Found(failed=f"a test program for it failed ({last})")


def _ending(code: int) -> str:
    """How a program ended that said nothing."""
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:
        return f"signal {-code}"


def find_card(probe: Probe | None = None) -> Card:
    """The first card that CUDA shows.

    Raises NoCard, a CourseError with one sentence: why no card can be used, and what to do.
    """
    probe = probe or run_probe
    environment = dict(os.environ)
    found = probe(environment)
    if found.name:
        refuse_closed()
        return Card(found.name, found.total_bytes, found.free_bytes, found.driver, found.cuda, found.torch)
    hidden = environment.pop(VISIBLE, None)
    if hidden is not None and NONE_VISIBLE in found.error and probe(environment).name:
        raise NoCard(f"{VISIBLE}={hidden!r} hides the one that is there", f"unset {VISIBLE}")
    raise NoCard(*_why_not(found))


def refuse_closed() -> None:
    """Raise NoCard if the sandbox cannot let student code use the card."""
    if not sys.platform.startswith("linux"):
        return  # there is no sandbox: see worker.py
    try:
        find_gpu(own_uid=sandbox.probe().uids)
    except SandboxError as error:
        why, _, repair = str(error).removesuffix(", or grade with --device cpu").partition(": ")
        raise NoCard(why, repair) from None


def _why_not(found: Found) -> tuple[str, str]:
    """Why no card can be used, and what to do."""
    if found.failed:
        return found.failed, "repair PyTorch or NVIDIA's driver"
    if found.rocm:
        return f"PyTorch {found.torch} is built for AMD's ROCm", "install a build of it for CUDA"
    if not found.cuda:
        return f"PyTorch {found.torch} is built without CUDA", "install a build of it for CUDA"
    error = (found.error.strip().splitlines() or ["nothing"])[0].rstrip(".")
    if not found.shared:
        why = f"a second process cannot use it at the same time ({error})"
        return why, "set its compute mode to the default with `nvidia-smi -c 0`"
    for words, answer in _KNOWN.items():
        if words in found.error:
            return answer(found)
    return f"PyTorch {found.torch} reports {error!r}", "repair that"


def _too_old(found: Found) -> tuple[str, str]:
    version = re.search(r"found version (\d+)", found.error)
    number = int(version.group(1)) if version else 0
    knows = f" (it knows CUDA {number // 1000}.{number % 1000 // 10})" if number else ""
    why = f"the NVIDIA driver is too old{knows} for PyTorch {found.torch}, which needs CUDA {found.cuda}"
    return why, "update the driver or install a build of PyTorch for an older CUDA"


_KNOWN: dict[str, Callable[[Found], tuple[str, str]]] = {
    "is too old": _too_old,
    "Found no NVIDIA driver": lambda _: (
        "there is no NVIDIA driver here",
        "install it or, in a container, have the GPUs passed on (docker run --gpus all)",
    ),
    NONE_VISIBLE: lambda _: (
        "the NVIDIA driver shows no card",
        "see what `nvidia-smi` says or, in a container, have the GPUs passed on (docker run --gpus all)",
    ),
    "no kernel image": lambda found: (
        f"PyTorch {found.torch} has no programs for a card of this age",
        "install a build of PyTorch that supports it",
    ),
    "out of memory": lambda _: (
        "other programs have taken all of its memory",
        "end those that `nvidia-smi` lists",
    ),
}  # fmt: skip
"""Words of PyTorch's error, and what they mean."""


def resolve_device(wanted: str | None, settings: Settings) -> tuple[str, Card | None]:
    """Decide where to grade: "cpu", or "cuda" and the card. None for `wanted` means the setting `device`.

    Says on stderr which card it is and, for "auto", why there is none. Raises NoCard for "cuda" if no card
    can be used.
    """
    wanted = wanted or settings.device
    if wanted == "cpu":
        return "cpu", None
    try:
        card = find_card()
    except NoCard as error:
        if wanted != "auto":
            raise
        _say(f"device: cpu, since {error.why}")
        return "cpu", None
    _say(f"device: cuda ({card.sentence})")
    return "cuda", card


def jobs_on(card: Card | None, jobs: int, limits: Limits) -> int:
    """How many of these workers can share the card: at least one. Says so on stderr if they are fewer."""
    if card is None:
        return jobs
    fitting = max(1, card.free_bytes // (limits.device_bytes + WORKER_BYTES))
    if fitting < jobs:
        _say(
            f"workers: {fitting} instead of {jobs}, since {gib(card.free_bytes)} of the card's memory"
            f" are free, and each submission may use {gib(limits.device_bytes)} (the setting device_bytes)"
            f" and its worker {gib(WORKER_BYTES)}"
        )
    return min(jobs, fitting)


def config_for(course: Course, seed: int, card: Card | None, unsafe: bool) -> WorkerConfig:
    """The configuration of workers that grade with diagnoses: on the card, or on the CPU if it is None."""
    device, card_bytes = ("cuda", card.total_bytes) if card else ("cpu", 0)
    return WorkerConfig(
        str(course.root), course.assignment, seed, device, diagnose=True, unsafe=unsafe, card_bytes=card_bytes
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def gib(count: int) -> str:
    """A number of bytes in GiB, for people."""
    return f"{count / GIB:.1f} GiB".replace(".0 ", " ")
