"""What hidden graders import, as `autograder.checks`: weights, hints, and comparisons that never raise.

The values that a check compares come from student code, so every function here accepts anything: a value
of the wrong kind gives None or False.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import numpy as np
import pytest
import torch

from autograder.process.proxy import Raised
from autograder.protocol.default_dtype import has_dtype
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
    """Set how much a check counts among the checks of its exercise; the default is 1.

    A check with weight 2 earns twice the points of a check with weight 1:

        @weight(2)
        def test_fraction(student, reference, draw):
            ...
    """
    return pytest.mark.weight(amount)


def hint(text: str) -> Callable[[Check], Check]:
    """Add one sentence that the student reads if the check fails: where to look, not what to write.

    @hint("Each row holds the logits of one sample: look for the largest in each row.")
    def test_fraction(student, reference, draw):
        ...
    """
    return pytest.mark.hint(text)


def no_verdict(reason: str) -> NoReturn:
    """End the check without a verdict, so that it neither earns nor costs points.

    Call it when the check cannot judge the code and the student is not to blame. Only staff see `reason`.
    """
    pytest.skip(reason)


def number(x: Any) -> float | int | None:
    """Convert x to a Python int or float; return None if it is not one real number.

    Numbers are ints, floats, real NumPy numbers and 0-d arrays, and real 0-d tensors that do not require
    grad. A bool is not a number.

    >>> number(3), number(np.float32(0.5)), number(torch.tensor(3))
    (3, 0.5, 3)
    >>> number(True), number("3"), number([3]), number(torch.tensor(3.0, requires_grad=True))
    (None, None, None, None)
    """
    if isinstance(x, torch.Tensor):
        if x.ndim or x.requires_grad or x.is_complex() or x.dtype == torch.bool:
            return None
        return x.item()
    if isinstance(x, (np.ndarray, np.generic)):
        if x.ndim or x.dtype.kind not in "iuf":
            return None
        return float(x) if x.dtype.kind == "f" else int(x)  # item() would leave a longdouble as it is
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return x
    return None


def whole(x: Any) -> int | None:
    """Convert x to an int; return None unless `number(x)` is a whole number.

    >>> whole(3.0), whole(torch.tensor(3)), whole(2.5), whole("3")
    (3, 3, None, None)
    """
    found = number(x)
    if isinstance(found, float) and not found.is_integer():
        return None
    return None if found is None else int(found)


def sequence(x: Any) -> list[Any] | None:
    """Convert a list, a tuple, or a 1-d array or tensor to a list; return None for anything else.

    The items of an array or tensor are converted by `tolist()`; those of a list or tuple stay as they are.

    >>> sequence((1, "a")), sequence(torch.tensor([1.0, 2.0])), sequence("ab"), sequence(torch.ones(2, 2))
    ([1, 'a'], [1.0, 2.0], None, None)
    """
    if isinstance(x, (list, tuple)):
        return list(x)
    if isinstance(x, (np.ndarray, torch.Tensor)) and x.ndim == 1:
        return x.tolist()
    return None


def is_tensor(got: Any, shape: tuple[int, ...] | None = None, dtype: torch.dtype | None = None) -> bool:
    """Return whether got is a tensor and has this shape and dtype, where they are given.

    In a notebook whose default dtype is float64, a float64 tensor also counts as float32.

    >>> is_tensor(torch.ones(2, 3), (2, 3), torch.float32), is_tensor([1.0, 2.0])
    (True, False)
    """
    return (
        isinstance(got, torch.Tensor)
        and (shape is None or tuple(got.shape) == tuple(shape))
        and (dtype is None or has_dtype(got, dtype))
    )


def close(got: Any, want: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    """Return whether got equals want: |got - want| <= atol + rtol * |want| for every number. Never raises.

    The type of want decides what got may be:

    - an int, a float or a NumPy number: anything that `number` accepts;
    - a list or tuple: any `sequence` of the same length, compared item by item;
    - a dict: a dict with the same keys, compared value by value;
    - a tensor or a NumPy array: one of the same kind and shape, whatever its dtype;
    - a complex number: a complex number;
    - None, a bool, str, bytes, set, torch dtype or device: the same type and value.

    NaN equals NaN. Nothing is close to a want of any other type.

    The default is 80 times the rounding of one operation in float32 (1.2e-7). That is room for correct code
    that adds some hundred numbers in another order, and a GPU does no more than that: TF32 is off. Numbers
    that cancel in a sum keep its error while they lose their size: give them an `atol`, on any device.

    >>> close(torch.tensor(0.5), 0.5), close((1, 2.0), [1, 2]), close(math.nan, math.nan)
    (True, True, True)
    >>> close(1, True), close([1.0], 1.0), close([1.0, 1.0], torch.ones(2))
    (False, False, False)
    """
    if want is None or isinstance(want, (bool, np.bool_, str, bytes, set, torch.dtype, torch.device)):
        return type(got) is type(want) and bool(got == want)
    if isinstance(want, torch.Tensor):
        return is_tensor(got, tuple(want.shape)) and _tensors_close(got, want, rtol, atol)
    if isinstance(want, np.ndarray) and want.ndim:
        return _arrays_close(got, want, rtol, atol)
    if isinstance(want, (list, tuple, dict)):
        return _items_close(got, want, rtol, atol)
    if isinstance(want, complex):
        return (
            isinstance(got, complex)
            and _numbers_close(got.real, want.real, rtol, atol)
            and _numbers_close(got.imag, want.imag, rtol, atol)
        )
    return _numbers_close(number(got), number(want), rtol, atol)


def _items_close(
    got: Any, want: list[Any] | tuple[Any, ...] | dict[Any, Any], rtol: float, atol: float
) -> bool:
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and got.keys() == want.keys()
            and all(close(got[key], want[key], rtol, atol) for key in want)
        )
    items = sequence(got)
    return (
        items is not None
        and len(items) == len(want)
        and all(close(a, b, rtol, atol) for a, b in zip(items, want, strict=True))
    )


def _arrays_close(got: Any, want: np.ndarray[Any, Any], rtol: float, atol: float) -> bool:
    return (
        isinstance(got, np.ndarray)
        and got.shape == want.shape
        and bool(np.allclose(got, want, rtol, atol, equal_nan=True))
    )


def _numbers_close(got: float | None, want: float | None, rtol: float, atol: float) -> bool:
    if got is None or want is None:
        return False
    if isinstance(want, float) and not math.isfinite(want):
        return (isinstance(got, float) and math.isnan(got)) if math.isnan(want) else got == want
    try:
        return abs(got - want) <= atol + rtol * abs(want)
    except OverflowError:  # an int too large for a float
        return got == want


def _tensors_close(got: torch.Tensor, want: torch.Tensor, rtol: float, atol: float) -> bool:
    if got.dtype == want.dtype and torch.equal(got, want):  # most correct answers; ten times as fast
        return True
    kind = torch.complex128 if got.is_complex() or want.is_complex() else torch.float64
    return torch.allclose(got.detach().to(kind), want.detach().to(kind), rtol, atol, equal_nan=True)
