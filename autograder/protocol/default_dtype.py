"""The default dtype of a notebook, where it is not the grader's own.

In a notebook that says `torch.set_default_dtype(torch.float64)`, the grader's tensors of float32 arrive as
float64: there, that is what a tensor is unless somebody says otherwise. Its answers come back with all their
digits, marked as being of the notebook's default dtype, so that a grader that asks for its own default dtype
accepts them.
"""

from __future__ import annotations

from typing import Any

import torch

STANDARD = torch.float32
"""The grader's default dtype."""
ACCURATE = (STANDARD, torch.float64)
"""The default dtypes that a notebook may keep; in the others, answers would be too inexact to judge."""
_MARK = "_autograder_in_default_dtype"


def mark_defaults(value: Any) -> None:
    """Mark the float64 tensors in an answer from a notebook whose default dtype is float64."""
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.float64:
            setattr(value, _MARK, True)
    elif isinstance(value, (list, tuple)):
        for item in value:
            mark_defaults(item)
    elif isinstance(value, dict):
        for item in value.values():
            mark_defaults(item)


def has_dtype(tensor: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether a tensor has this dtype, or has a notebook's default dtype where this is the grader's."""
    return tensor.dtype == dtype or (dtype == STANDARD and hasattr(tensor, _MARK))
