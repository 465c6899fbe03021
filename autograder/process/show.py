"""Values as a student reads them: on one line, with rounded numbers, and the news among many numbers.

A nan among a thousand numbers is the news, so it is told before the numbers are; so is that they are all the
same, that a tensor has a graph behind it, and a dtype that is not float32.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import torch

from autograder.protocol.values import ObjectRef

MAX_CHARACTERS = 160
MAX_SHOWN_BITS = 500
MAX_WHOLE = 6
"""The numbers of a tensor or array that are all shown."""
MAX_ITEMS = 12
"""The items of a list, tuple, set or dict that are shown."""
FIRST_NUMBERS = 6
"""How many numbers of a large tensor, array or list are shown."""


def show_inline(value: Any) -> str:
    """A value within a sentence, where text goes without quotes."""
    return value if isinstance(value, str) else show_argument(value)


def show_argument(value: Any) -> str:
    """A value within a call: a large tensor or array without its first numbers."""
    return _fit(_show(value, within=True), value)


def show_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as written between its parentheses."""
    shown = [*map(show_argument, args), *(f"{name}={show_argument(x)}" for name, x in kwargs.items())]
    return ", ".join(shown)


def show(value: Any, limit: int = MAX_CHARACTERS) -> str:
    """A value as text of at most `limit` characters, without line breaks."""
    text = _show(value, first=True)
    if len(text) > limit and isinstance(value, (list, tuple, dict)):
        text = _show(value)
    return _fit(text, value, limit)


def _fit(text: str, value: Any, limit: int = MAX_CHARACTERS) -> str:
    """Cut a text that is too long, but never the news that there is a nan or an inf in the value."""
    text = " ".join(text.splitlines())
    if len(text) <= limit:
        return text
    kept = text[: limit - 1] + "…"
    news = _not_finite(_floats_in(value), place=False)
    if not news or re.search(r"\b(nan|inf)\b", kept):
        return kept
    return text[: limit - len(news) - 4] + f"… ({news})"


def _show(value: Any, first: bool = False, within: bool = False) -> str:
    """The whole text; `first`: with the first numbers of large tensors; `within`: among other values."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        text = _show_tensor(value, first) if isinstance(value, torch.Tensor) else _show_array(value, first)
        # Its own commas must not read as those of the values around it.
        return f"<{text}>" if within and not text.endswith(")") else text
    if isinstance(value, np.longdouble):
        return _show(float(value))
    if isinstance(value, np.generic):
        item = value.item()
        return repr(item)[:200] if isinstance(item, np.generic) else _show(item)
    if isinstance(value, (list, tuple)):
        inner = _show_items(value, first)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        shown = list(value.items())[:MAX_ITEMS]
        items = [f"{_show(key)}: {_show(x, first, within=True)}" for key, x in shown]
        return "{" + ", ".join(items + ["…"] * (len(value) > MAX_ITEMS)) + "}"
    if isinstance(value, (float, complex)):
        return _number(value)
    if isinstance(value, int) and value.bit_length() > MAX_SHOWN_BITS:
        return f"a whole number of {value.bit_length()} bits"  # Python refuses to print the longest
    return f"a {value.type_name}" if isinstance(value, ObjectRef) else repr(value)[:200]


def _show_tensor(value: torch.Tensor, first: bool) -> str:
    dtype = str(value.dtype).removeprefix("torch.")
    marks = f", {dtype}" * (dtype != "float32") + ", requires_grad=True" * value.requires_grad
    plain = value.detach()
    if 0 < value.numel() <= MAX_WHOLE:
        return f"tensor({_numbers(plain.tolist())}{marks})"
    plain = plain.double() if plain.is_floating_point() else plain  # NumPy has no bfloat16
    return f"tensor of shape {tuple(value.shape)}{marks}{_remarkable(plain.numpy(), first)}"


def _show_array(value: np.ndarray[Any, Any], first: bool) -> str:
    marks = f", {value.dtype}" * (value.dtype != np.float64)
    if 0 < value.size <= MAX_WHOLE:
        return f"array({_numbers(value.tolist())}{marks})"
    return f"array of shape {value.shape}{marks}{_remarkable(value, first)}"


def _show_items(items: list[Any] | tuple[Any, ...], first: bool) -> str:
    """The items between the brackets; of a long list, a few and what is remarkable about the numbers."""
    if len(items) <= MAX_ITEMS:
        return ", ".join(_show(x, first, within=True) for x in items)
    if not all(isinstance(x, float) for x in items):
        return ", ".join(_show(x, within=True) for x in items[:MAX_ITEMS]) + f", … ({len(items)} in all)"
    return f"{len(items)} numbers{_remarkable(np.array(items), first=True)}"


def _remarkable(numbers: np.ndarray[Any, Any], first: bool) -> str:
    """What a student needs to know about many numbers: that they are all the same, or not finite; a few."""
    flat = numbers.reshape(-1)
    if not flat.size or flat.dtype.kind not in "biufc":
        return ""
    if (flat == flat[0]).all() or np.isnan(flat).all():
        return f", all {_number(flat[0].item())}"
    news = _not_finite(numbers)
    few = ", ".join(_number(x) for x in flat[:FIRST_NUMBERS].tolist())
    return f", {news}" * bool(news) + f": {few}, …" * first


def _not_finite(numbers: np.ndarray[Any, Any], place: bool = True) -> str:
    """How many numbers are nan, inf or -inf, and at which index the first is; empty if all are finite."""
    if numbers.dtype.kind not in "fc":
        return ""
    bad = ~np.isfinite(numbers)
    if not bad.any():
        return ""
    nans = np.isnan(numbers)
    counts = {"nan": nans.sum(), "inf": (bad & ~nans & (numbers.real > 0)).sum()}
    counts["-inf"] = bad.sum() - sum(counts.values())
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    where = [int(index) for index in np.argwhere(bad)[0]]
    return f"{told}, first at {where}" if place else told


def _floats_in(value: Any) -> np.ndarray[Any, Any]:
    """All floats in a value, however deep, as one row."""
    if isinstance(value, torch.Tensor):
        value = value.detach().double().numpy() if value.is_floating_point() else None
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return np.concatenate([np.empty(0), *map(_floats_in, value)])
    real = isinstance(value, float) or (
        isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "f"
    )
    return np.array(value, dtype=float).reshape(-1) if real else np.empty(0)


def _numbers(value: Any) -> str:
    """A number, or nested lists of numbers."""
    return f"[{', '.join(map(_numbers, value))}]" if isinstance(value, list) else _number(value)


def _number(value: Any) -> str:
    """A number with six significant digits; a float is never mistaken for a whole number."""
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text + ".0" if text.lstrip("-").isdigit() else text
    return f"{value:.6g}" if isinstance(value, complex) else repr(value)
