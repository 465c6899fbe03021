"""Whether answering questions left a trace in the notebook's names. Runs in the student's process.

A look at what honest code changes by accident: names bound anew, containers, tensors and modules written
to, attributes of functions and of the notebook's own objects. It decides only whether the next exercise
is asked in a fresh copy; who hides a trace gains nothing by it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch

LARGE = 2**20  # bytes of an array, over which only the array itself is looked at
State = dict[str, tuple[Any, tuple[Any, ...], tuple[int, ...]]]


def state_of(names: Mapping[str, Any]) -> State:
    """Of every name: its value, the objects that hang on it, and figures of their contents.

    The objects are held, so that no later one can have the identity of one that is gone.
    """
    state: State = {}
    for name, value in list(names.items()):
        if not name.startswith("_"):
            try:
                state[name] = (value, *_hanging_on(value))
            except Exception:  # noqa: BLE001  an object of the student's may do anything
                state[name] = (value, (), ())
    return state


def same(before: State, after: State) -> bool:
    return before.keys() == after.keys() and all(map(_alike, before.values(), after.values()))


def _alike(old: tuple[Any, ...], new: tuple[Any, ...]) -> bool:
    (old_value, old_objects, old_figures), (value, objects, figures) = old, new
    if value is not old_value or figures != old_figures or len(objects) != len(old_objects):
        return False
    return all(x is y for x, y in zip(objects, old_objects, strict=True))


def _hanging_on(value: Any) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return (value.__code__, value.__defaults__, *cells, *vars(value).values()), ()
    if isinstance(value, ModuleType):  # its size alone: a look at every object would copy their pages
        return (), (len(vars(value)),)
    if isinstance(value, dict):
        return (*dict.keys(value), *dict.values(value)), ()
    if isinstance(value, (list, set)):
        return tuple(value), ()
    if isinstance(value, torch.Tensor):
        return (value.grad,), (value._version, value.requires_grad)
    if isinstance(value, np.ndarray):
        small = value.nbytes <= LARGE and value.dtype != object
        return (), (zlib.crc32(value.tobytes()),) if small else ()
    if isinstance(value, torch.nn.Module):
        tensors = [*value.parameters(), *value.buffers()]
        return (*tensors, *value.modules()), (value.training, *(x._version for x in tensors))
    if getattr(type(value), "__module__", "") == "__main__" or getattr(value, "__module__", "") == "__main__":
        return tuple(vars(value).values()), ()
    return (), ()
