"""Whether answering the grader changed the notebook's state. Runs in the student's process.

This looks at what honest code changes by accident: rebound names, writes to containers, tensors and modules,
attributes of functions and of the notebook's own objects. It only decides whether the next exercise needs a
fresh fork, so hiding a change gains nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

LARGE_BYTES = 2**20
"""For arrays above this size, compare only the identity of the array and not its contents."""
State = dict[str, tuple[Any, tuple[Any, ...], tuple[int, ...]]]


def state_of(names: Mapping[str, Any]) -> State:
    """For each name: its value, the objects that belong to it, and numbers that sum up their contents.

    Holding the objects keeps a later object from getting the identity of one that is gone.
    """
    state: State = {}
    for name, value in list(names.items()):
        if not name.startswith("_"):
            try:
                state[name] = (value, *_contents(value))
            except Exception:  # noqa: BLE001  a student's object may do anything
                state[name] = (value, (), ())
    return state


def unchanged(before: State, after: State) -> bool:
    return before.keys() == after.keys() and all(map(_same, before.values(), after.values()))


def _same(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    (old_value, old_objects, old_numbers), (value, objects, numbers) = old, new
    if value is not old_value or numbers != old_numbers or len(objects) != len(old_objects):
        return False
    return all(x is y for x, y in zip(objects, old_objects, strict=True))


def _contents(value: Any) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """The objects that belong to a value, and numbers that sum up the rest of it."""
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return (value.__code__, value.__defaults__, *cells, *vars(value).values()), ()
    if isinstance(value, ModuleType):  # only its size: looking at every object would copy their pages
        return (), (len(vars(value)),)
    if isinstance(value, dict):
        return (*dict.keys(value), *dict.values(value)), ()
    if isinstance(value, (list, set)):
        return tuple(value), ()
    if isinstance(value, torch.Tensor):
        return (value.grad,), (value._version, value.requires_grad)
    if isinstance(value, np.ndarray):
        small = value.nbytes <= LARGE_BYTES and value.dtype != object
        return (), (zlib.crc32(value.tobytes()),) if small else ()
    if isinstance(value, torch.nn.Module):
        tensors = [*value.parameters(), *value.buffers()]
        return (*tensors, *value.modules()), (value.training, *(x._version for x in tensors))
    if getattr(type(value), "__module__", "") == "__main__" or getattr(value, "__module__", "") == "__main__":
        return tuple(vars(value).values()), ()
    return (), ()
