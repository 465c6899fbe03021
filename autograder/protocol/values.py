"""The only values that may be sent between the student's process and the grader's.

Nothing is ever unpickled. Tensors and arrays are sent as a dtype name, a shape and raw bytes, all checked
before any memory is allocated. Any other object stays where it is, and a reference is sent in its place.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec
import torch

from autograder.protocol.channel import ProtocolError

MAX_DEPTH = 24
MAX_DIMENSIONS = 16
MAX_ITEMS = 2**20  # per message: a decoded value takes far more memory than it took in the frame
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


class ValueNode(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Base of values other than None, bool, int, float and str. They never form cycles, hence gc=False."""


class SequenceValue(ValueNode, tag="s"):
    """A list, tuple or set."""

    kind: Literal["list", "tuple", "set"]
    items: list[Value]


class MappingValue(ValueNode, tag="m"):
    """A dict, as pairs of key and value."""

    pairs: list[tuple[Value, Value]]


class TensorValue(ValueNode, tag="t"):
    """A tensor: a dtype from DTYPES, a shape, and the elements' bytes in row-major order."""

    dtype: str
    shape: list[int]
    data: bytes
    requires_grad: bool


class ArrayValue(ValueNode, tag="a"):
    """A NumPy array or, if `scalar`, a NumPy scalar; `dtype` is NumPy's, such as "<f4"."""

    dtype: str
    shape: list[int]
    data: bytes
    scalar: bool


class ScalarValue(ValueNode, tag="x"):
    """An int of more than 64 bits, bytes, a complex number, a torch dtype or a torch device."""

    kind: Literal["int", "bytes", "dtype", "device", "complex"]
    data: bytes


class RefValue(ValueNode, tag="k"):
    """A reference to an object that stays where it is; `number` is its index in the ObjectTable."""

    number: int
    type_name: str


Value = (
    None | bool | int | float | str
    | SequenceValue | MappingValue | TensorValue | ArrayValue | ScalarValue | RefValue
)  # fmt: skip


class ObjectRef:
    """The grader's reference to an object that stays in the student's process."""

    __slots__ = ("number", "type_name")

    def __init__(self, number: int, type_name: str) -> None:
        self.number = number
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


class ObjectTable:
    """The objects that cannot be sent, so that later requests can refer to them."""

    def __init__(self) -> None:
        self.added = 0
        """How many objects were ever added: a number is never used for two of them."""
        self._values: dict[int, Any] = {}

    def add(self, value: Any) -> RefValue:
        number = self.added
        self._values[number] = value
        self.added += 1
        return RefValue(number, type(value).__name__[:200])

    def get(self, number: int) -> Any:
        """Raises ProtocolError if there is no such object, or no longer."""
        if number not in self._values:
            raise ProtocolError(f"there is no object {number}")
        return self._values[number]

    def clear(self) -> None:
        """Let go of all objects."""
        self._values.clear()
