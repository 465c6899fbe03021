"""A pretended second device on the CPU: it catches data left on the wrong device without a GPU.

    from autograder.fake_device import attempt, fake_device, on_fake_device

    def batches_on_another_device(nb, xs, ys):
        \"\"\"train_one_epoch on another device\"\"\"
        def program(device):                        # everything far happens in here
            model = Net().to(device)                # or torch.zeros(3, device=device), x.to(device)
            loader = [(xs, ys)]                     # data made outside stays on the CPU
            return nb.train_one_epoch(model, loader, SGD(model.parameters()), MSELoss(), device)
        return attempt(program)

`attempt` answers {"value", "error", "limit", "at"}:

    error   None, "mixed" (tensors of two devices met), "numpy" (a far tensor was asked for an
            array) or "other: <exception type>"
    at      the operation in which tensors of two devices met first, or None
    limit   True when the pretence itself may be to blame for what happened
    value   what the program returned, None after an error. Tensors in it may be far: far tensors
            are CPU tensors with a mark, so they cross to the grader as they are. `on_fake_device(x)` tells.

How a check judges it: with `limit` there is no verdict, whatever else came; "mixed" and "numpy" are
the student's mistake; "other: ..." where the same program with the device "cpu" gives no error is
no verdict either. `attempt` stands on the context manager `with fake_device() as device:`.

How it works. Nothing is moved: a far tensor is an ordinary CPU tensor whose *storage* carries a
mark, so that every number, gradient and shape is the real one, views share the mark, and modules,
optimizers and deep copies never notice. Inside the context one mode watches the calls of Python
(`.to`, `.cpu`, `device=`, `.device`, `.numpy`) and one the kernels: it refuses what a GPU refuses
(CPU and far tensors together, but for 0-dim numbers and indices) and marks what comes out.
`x.device` answers torch.device("meta"), a device that needs no hardware, so that
`if device.type == "cuda":` takes the harmless branch.

Not watched: other threads and processes, tensors sent through pickle or torch.save (noted as a
limit), sparse tensors, and autocast on the far device (raises, noted as a limit).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from autograder.student.device_marks import (
    DEVICE,
    FarawayLimit,
    Journal,
    MixedDevices,
    NotAnArray,
    on_fake_device,
)
from autograder.student.fake_device_calls import _Calls
from autograder.student.fake_device_kernels import _Kernels

__all__ = [
    "FarawayLimit",
    "Journal",
    "MixedDevices",
    "NotAnArray",
    "attempt",
    "fake_device",
    "on_fake_device",
]


@contextmanager
def fake_device(journal: Journal | None = None) -> Iterator[torch.device]:
    """Within this context the device it gives is far away from the CPU."""
    journal = journal or Journal()
    with _Kernels(journal), _Calls(journal):
        yield DEVICE


def attempt(program: Callable[[torch.device], Any]) -> dict[str, Any]:
    """Run `program(device)` on the pretended device; say what went wrong as data."""
    journal = Journal()
    try:
        with fake_device(journal) as device:
            value = program(device)
    except Exception as error:  # noqa: BLE001  any exception of the student's code is an answer here
        blame = journal.limit is not None or _of_our_making(error)
        return {"value": None, "error": _kind(error, journal), "limit": blame, "at": journal.at}
    return {"value": value, "error": None, "limit": journal.limit is not None, "at": None}


def _kind(error: Exception, journal: Journal) -> str:
    if isinstance(error, MixedDevices):
        return "mixed"
    if isinstance(error, NotAnArray):
        return "numpy"
    # The student's code may have wrapped the first error into one of its own.
    return journal.fault or f"other: {type(error).__name__}"


def _of_our_making(error: BaseException) -> bool:
    """Whether the error speaks of the device that only the pretence knows."""
    if isinstance(error, MixedDevices | NotAnArray):
        return False
    own = r"\bmeta\b|unsupported scalarType"  # the latter is what autocast says of it
    return isinstance(error, FarawayLimit) or bool(re.search(own, str(error), re.IGNORECASE))
