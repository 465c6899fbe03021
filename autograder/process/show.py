"""Values as a student reads them: short, with rounded numbers, and only the shape of large arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from autograder.protocol.values import ObjectRef

MAX_SHOWN_BITS = 500


def show_inline(value: Any) -> str:
    """A value within a sentence, where text goes without quotes."""
    return value if isinstance(value, str) else show(value)


def show_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, as written between its parentheses."""
    return ", ".join([*(show(x) for x in args), *(f"{name}={show(x)}" for name, x in kwargs.items())])


def show(value: Any, limit: int = 160) -> str:
    """A value as text of at most `limit` characters; of a large tensor or array, only its shape."""
    text = _show(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _show(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        if value.numel() <= 6:
            return f"tensor({_rounded(value.tolist())}, {kind})"
        return f"tensor of shape {tuple(value.shape)}, {kind}"
    if isinstance(value, np.ndarray) and value.size > 6:
        return f"array of shape {value.shape}, {value.dtype}"
    if isinstance(value, np.ndarray):
        return f"array({_rounded(value.tolist())})"
    if isinstance(value, np.longdouble):
        return _show(float(value))
    if isinstance(value, np.generic):
        item = value.item()
        return repr(item)[:200] if isinstance(item, np.generic) else _show(item)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_show(x) for x in value[:12]) + (", …" if len(value) > 12 else "")
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_show(k)}: {_show(v)}" for k, v in list(value.items())[:12]) + "}"
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if isinstance(value, int) and value.bit_length() > MAX_SHOWN_BITS:
        return f"a whole number of {value.bit_length()} bits"  # Python refuses to print the longest
    return f"a {value.type_name}" if isinstance(value, ObjectRef) else repr(value)[:200]


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(x) for x in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
