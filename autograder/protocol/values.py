"""The values that may cross between the student's process and the grader's, and nothing else.

Nothing is ever unpickled: tensors and arrays cross as a dtype name, a shape and raw bytes, and every number
in them is checked before memory is made for it. What has no form here stays where it is, behind a handle.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
import torch

from autograder.protocol.channel import ProtocolError

MAX_DEPTH = 24
MAX_DIMENSIONS = 16
MAX_ITEMS = 2**20  # values in one message: rebuilt, each takes far more memory than it took in the frame
MAX_KEYS = 10_000  # of a dict or set: keys made to collide take quadratic time
MAX_INT_BYTES = 4096

DTYPES: dict[str, torch.dtype] = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128,
        torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
    )
}  # fmt: skip
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
NOT_IN_NUMPY = {torch.bfloat16}
ARRAY_KINDS = "biufc"
ARRAY_DTYPE = re.compile(rf"[<|][{ARRAY_KINDS}][0-9]{{1,2}}")


class Node(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """A value that is more than one plain number or string; messages hold no cycles to collect."""


class Sequence(Node, tag="s"):
    kind: Literal["list", "tuple", "set"]
    items: list[Value]


class Mapping(Node, tag="m"):
    pairs: list[tuple[Value, Value]]


class TensorValue(Node, tag="t"):
    dtype: str
    shape: list[int]
    data: bytes
    requires_grad: bool


class ArrayValue(Node, tag="a"):
    dtype: str
    shape: list[int]
    data: bytes
    scalar: bool


class Special(Node, tag="x"):
    """An int beyond 64 bits, bytes, a torch dtype or a torch device."""

    kind: Literal["int", "bytes", "dtype", "device", "complex"]
    data: bytes


class RefValue(Node, tag="k"):
    """A value that stays where it is; `number` asks for it again."""

    number: int
    type_name: str


Value = (
    None | bool | int | float | str
    | Sequence | Mapping | TensorValue | ArrayValue | Special | RefValue
)  # fmt: skip


class ObjectRef:
    """The grader's name for a value that stays in the student's process."""

    __slots__ = ("number", "type_name")

    def __init__(self, number: int, type_name: str) -> None:
        self.number = number
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


class ObjectTable:
    """Holds what cannot cross, so that later questions can name it."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def keep(self, value: Any) -> RefValue:
        self.values.append(value)
        return RefValue(len(self.values) - 1, type(value).__name__[:200])

    def get(self, number: int) -> Any:
        if not 0 <= number < len(self.values):
            raise ProtocolError("nothing is kept under this number")
        return self.values[number]
