"""The default dtype of a notebook, where it is not the grader's own.

In a notebook that says `torch.set_default_dtype(torch.float64)`, a tensor is float64 unless somebody says
otherwise. So the grader's tensors of its own default dtype arrive there as float64, and what the notebook
makes of them comes back as float32. If the grader asks for more digits, because it sends numbers or float64
tensors, the answer keeps all of them; then it is marked, so that a grader that asks for its own default dtype
accepts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from autograder.protocol.messages import Fetch, Request
from autograder.protocol.values import DTYPE_NAMES, MappingValue, SequenceValue, TensorValue, Value

STANDARD = torch.float32
"""The grader's default dtype."""
ACCURATE = (STANDARD, torch.float64)
"""The default dtypes that a notebook may keep; in the others, answers would be too inexact to judge."""
_MARK = "_autograder_in_default_dtype"


def answer_dtype(request: Request, default: torch.dtype) -> torch.dtype:
    """The dtype of which tensors in the answer to a request become STANDARD; `default` is the notebook's."""
    if isinstance(request, Fetch):
        return STANDARD
    sent = {name for value in [*request.args, *request.kwargs.values()] for name in _dtypes(value)}
    only_standard = DTYPE_NAMES[STANDARD] in sent and DTYPE_NAMES[default] not in sent
    return default if only_standard else STANDARD


def _dtypes(value: Value) -> Iterator[str]:
    """The names of the dtypes of the tensors in a value."""
    if isinstance(value, TensorValue):
        yield value.dtype
    elif isinstance(value, SequenceValue):
        for item in value.items:
            yield from _dtypes(item)
    elif isinstance(value, MappingValue):
        for _, item in value.pairs:
            yield from _dtypes(item)


def narrowed(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in the grader's default dtype, or as it is if a number is too large for that."""
    narrow = tensor.to(STANDARD)
    return narrow if torch.equal(narrow.isinf(), tensor.isinf()) else tensor


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
