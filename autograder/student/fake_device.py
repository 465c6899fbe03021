"""A fake second device on the CPU: find data left on the wrong device, without a GPU.

    from autograder.fake_device import attempt, on_other_device

    def batches_on_another_device(nb, xs, ys, device):
        \"\"\"train_one_epoch on another device\"\"\"
        def program(device):                        # all work on the other device happens in here
            model = Net().to(device)                # or torch.zeros(3, device=device), x.to(device)
            loader = [(xs, ys)]                     # data made outside stays on the CPU
            return nb.train_one_epoch(model, loader, SGD(model.parameters()), MSELoss(), device)
        return attempt(program, device)             # what the fixture `device` says: "cpu" or "cuda"

Where the fixture says "cpu", the program runs on the fake device, otherwise on the GPU. `attempt` returns
{"value", "error", "limit", "at"}:

    error   None, "mixed" (tensors on two devices met), "numpy" (a tensor on the fake device was asked for an
            array) or "other: <exception type>"
    at      the first operation in which tensors on two devices met, or None
    limit   True if the fake device itself may have caused the error
    value   what the program returned, None after an error. Tensors in it may be on the other device:
            `on_other_device(x)` finds them. They reach the grader as CPU tensors.

How a check should judge this: `limit` means no verdict, whatever the rest says; "mixed" and "numpy" are the
student's mistake; "other: ..." is no verdict either if the same program runs without an error on "cpu".
On the fake device, `attempt` is built on the context manager `with fake_device() as device:`. On a GPU,
"mixed" and "numpy" are told by PyTorch's own sentences, `at` is None and `limit` is False.

How it works. Nothing moves: a tensor on the fake device is an ordinary CPU tensor whose *storage* carries a
mark. So every number, gradient and shape is real, views share the mark, and modules, optimizers and deep
copies never notice. Inside the context, one mode intercepts calls from Python (`.to`, `.cpu`, `device=`,
`.device`, `.numpy`) and another intercepts kernels: it refuses what a GPU refuses (CPU tensors together with
tensors on the device, except 0-dim numbers and indices) and marks the results. `x.device` returns
torch.device("meta"), a device that needs no hardware, so `if device.type == "cuda":` takes the harmless
branch.

What it cannot tell is listed under "Blind spots" in docs/graders.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from autograder.protocol.places import PLACES, Place, place_of
from autograder.student.device_marks import (
    FAKE,
    FAKE_DEVICE,
    DeviceReport,
    FakeDeviceLimit,
    MixedDevices,
    NotAnArray,
    mark_of,
    on_fake_device,
    set_mark,
)
from autograder.student.fake_device_calls import CallMode
from autograder.student.fake_device_kernels import KernelMode

__all__ = [
    "DeviceReport",
    "FakeDeviceLimit",
    "MixedDevices",
    "NotAnArray",
    "attempt",
    "fake_device",
    "on_fake_device",
    "on_other_device",
]

# What PyTorch says when tensors on two devices meet. It has about fifty such sentences.
_MIXED = re.compile(
    r"same devices?\b|different devices?\b|is on (cpu|CPU), but expected|not on the expected device|"
    r"indices should be either on|device type for generator|- expected device|"
    r"\(torch\.cuda\.\w+\) and \w+ type \(torch\.(?!cuda\.)|"
    r"\(torch\.(?!cuda\.)\w+\) and \w+ type \(torch\.cuda\."
)
_NO_ARRAY = "device type tensor to numpy"


@contextmanager
def fake_device(report: DeviceReport | None = None) -> Iterator[torch.device]:
    """A context in which the device it yields is separate from the CPU."""
    report = report or DeviceReport()
    with KernelMode(report), CallMode(report):
        yield FAKE_DEVICE


class FakePlace(Place):
    """Requests whose tensors are on the fake device: a rehearsal, for tests, of what happens on a GPU."""

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        set_mark(tensor, FAKE)
        return tensor

    @contextmanager
    def working(self) -> Iterator[None]:
        with fake_device():
            yield


PLACES["fake"] = FakePlace


def on_other_device(value: Any) -> bool:
    """Whether this is a tensor on the fake device or on a GPU."""
    if not isinstance(value, torch.Tensor):
        return False
    with torch._C.DisableTorchFunction():
        return mark_of(value) == FAKE or value.is_cuda


def attempt(program: Callable[[torch.device], Any], device: str = "cpu") -> dict[str, Any]:
    """Run `program(device)`; return what happened as data (see the module docstring).

    It runs on the fake device, unless `device` is the name of a real one. Raises OutOfMemoryError if that
    one's memory is full, which says nothing about the program.
    """
    if device not in ("cpu", "fake"):
        return _attempt_for_real(program, device)
    report = DeviceReport()
    try:
        with fake_device(report) as pretended:
            value = program(pretended)
    except Exception as error:  # noqa: BLE001  any exception in the student's code is an answer here
        limit = report.limit is not None or _is_limit(error)
        return {"value": None, "error": _kind(error, report), "limit": limit, "at": report.at}
    return {"value": value, "error": None, "limit": report.limit is not None, "at": None}


def _attempt_for_real(program: Callable[[torch.device], Any], device: str) -> dict[str, Any]:
    found: dict[str, Any] = {"value": None, "error": None, "limit": False, "at": None}
    place = place_of(device)
    place.seed(torch.initial_seed())  # the request's own
    try:
        with place.working():
            value = program(torch.device(device))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001  any exception in the student's code is an answer here
        return found | {"error": _kind_for_real(error)}
    return found | {"value": value}


def _kind_for_real(error: Exception) -> str:
    if _NO_ARRAY in str(error):
        return "numpy"
    return "mixed" if _MIXED.search(str(error)) else f"other: {type(error).__name__}"


def _kind(error: Exception, report: DeviceReport) -> str:
    if isinstance(error, MixedDevices):
        return "mixed"
    if isinstance(error, NotAnArray):
        return "numpy"
    # The student's code may have caught the first error and raised another.
    return report.mistake or f"other: {type(error).__name__}"


def _is_limit(error: BaseException) -> bool:
    """Whether the error is about the meta device, which only the fake device brings in."""
    if isinstance(error, MixedDevices | NotAnArray):
        return False
    about_meta = r"\bmeta\b|unsupported scalarType"  # the latter is what autocast says about it
    return isinstance(error, FakeDeviceLimit) or bool(re.search(about_meta, str(error), re.IGNORECASE))
