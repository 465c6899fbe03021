"""What the author of a hidden grader imports: weights, hints, and comparisons that never crash."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import numpy as np
import pytest
import torch

from autograder.process.proxy import Raised
from autograder.protocol.values import ObjectRef

__all__ = [
    "ObjectRef",
    "Raised",
    "close",
    "hint",
    "is_tensor",
    "no_verdict",
    "number",
    "sequence",
    "weight",
    "whole",
]

Check = TypeVar("Check", bound=Callable[..., Any])


def weight(amount: float) -> Callable[[Check], Check]:
    """How much this check counts among the checks of its exercise (1 without it)."""
    return pytest.mark.weight(amount)


def hint(text: str) -> Callable[[Check], Check]:
    """One sentence that puts a student on the way, shown when the check fails."""
    return pytest.mark.hint(text)


def no_verdict(reason: str) -> NoReturn:
    """The check cannot be made, through no fault of the student: it counts for nothing."""
    pytest.skip(reason)


def number(x: Any) -> float | int | None:
    """The real number that x stands for (Python, NumPy, 0-dim tensor without a graph), or None."""
    if isinstance(x, torch.Tensor):
        if x.ndim or x.requires_grad or x.is_complex() or x.dtype == torch.bool:
            return None
        return x.item()
    if isinstance(x, (np.ndarray, np.generic)):
        if x.ndim or x.dtype.kind not in "iuf":
            return None
        return float(x) if x.dtype.kind == "f" else int(x)  # item() leaves a longdouble as it is
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return x
    return None


def whole(x: Any) -> int | None:
    """The whole number that x stands for (3.0 is 3), or None."""
    found = number(x)
    if isinstance(found, float) and not found.is_integer():
        return None
    return None if found is None else int(found)


def sequence(x: Any) -> list[Any] | None:
    """The items of a list, a tuple, or a 1-d array or tensor; None for anything else."""
    if isinstance(x, (list, tuple)):
        return list(x)
    if isinstance(x, (np.ndarray, torch.Tensor)) and x.ndim == 1:
        return x.tolist()
    return None


def is_tensor(got: Any, shape: tuple[int, ...] | None = None, dtype: torch.dtype | None = None) -> bool:
    """Whether got is a tensor, of this shape and dtype where they are given."""
    return (
        isinstance(got, torch.Tensor)
        and (shape is None or tuple(got.shape) == tuple(shape))
        and (dtype is None or got.dtype == dtype)
    )


def close(got: Any, want: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Whether got stands for the same as want; want's structure decides how they are compared.

    A number may come as an int, a float, a NumPy number or a 0-dim tensor; a sequence as a list, a tuple
    or a 1-d array; a tensor must be a tensor of the same shape. nan equals nan. Never raises.
    """
    if want is None or isinstance(want, (bool, np.bool_, str, bytes, set, torch.dtype, torch.device)):
        return type(got) is type(want) and bool(got == want)
    if isinstance(want, torch.Tensor):
        return is_tensor(got, tuple(want.shape)) and _tensors_close(got, want, rtol, atol)
    if isinstance(want, (list, tuple)):
        items = sequence(got)
        return (
            items is not None
            and len(items) == len(want)
            and all(close(a, b, rtol, atol) for a, b in zip(items, want, strict=True))
        )
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and got.keys() == want.keys()
            and all(close(got[key], want[key], rtol, atol) for key in want)
        )
    if isinstance(want, np.ndarray) and want.ndim:
        return (
            isinstance(got, np.ndarray)
            and got.shape == want.shape
            and bool(np.allclose(got, want, rtol, atol, equal_nan=True))
        )
    if isinstance(want, complex):
        return (
            isinstance(got, complex)
            and _numbers_close(got.real, want.real, rtol, atol)
            and _numbers_close(got.imag, want.imag, rtol, atol)
        )
    return _numbers_close(number(got), number(want), rtol, atol)


def _numbers_close(got: float | None, want: float | None, rtol: float, atol: float) -> bool:
    if got is None or want is None:
        return False
    if isinstance(want, float) and not math.isfinite(want):
        return (isinstance(got, float) and math.isnan(got)) if math.isnan(want) else got == want
    try:
        return abs(got - want) <= atol + rtol * abs(want)
    except OverflowError:  # a whole number beyond what a float can hold
        return got == want


def _tensors_close(got: torch.Tensor, want: torch.Tensor, rtol: float, atol: float) -> bool:
    if got.dtype == want.dtype and torch.equal(got, want):  # most right answers; ten times as fast
        return True
    kind = torch.complex128 if got.is_complex() or want.is_complex() else torch.float64
    return torch.allclose(got.detach().to(kind), want.detach().to(kind), rtol, atol, equal_nan=True)
