"""The values that may cross between the student's process and the grader's, and nothing else.

Nothing is ever unpickled: tensors and arrays cross as a dtype name, a shape and raw bytes, and every number
in them is checked before memory is made for it. What has no form here stays where it is, behind a handle.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import numpy as np
import torch

from autograder.wire import WireError

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


class Kept(Node, tag="k"):
    """A value that stays where it is; `number` asks for it again."""

    number: int
    type_name: str


Value = (
    None | bool | int | float | str
    | Sequence | Mapping | TensorValue | ArrayValue | Special | Kept
)  # fmt: skip


class Handle:
    """The grader's name for a value that stays in the student's process."""

    __slots__ = ("number", "type_name")

    def __init__(self, number: int, type_name: str) -> None:
        self.number = number
        self.type_name = type_name

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


class Keeper:
    """Holds what cannot cross, so that later questions can name it."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def keep(self, value: Any) -> Kept:
        self.values.append(value)
        return Kept(len(self.values) - 1, type(value).__name__[:200])

    def get(self, number: int) -> Any:
        if not 0 <= number < len(self.values):
            raise WireError("nothing is kept under this number")
        return self.values[number]


def to_wire(value: Any, keeper: Keeper | None = None, depth: int = 0) -> Value:
    """Turn a Python value into what may cross; what cannot cross is kept, or refused without a keeper."""
    if depth > MAX_DEPTH:
        raise WireError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if value is None or type(value) in (float, bool):
        return value  # type: ignore[no-any-return]
    if isinstance(value, Handle):
        return Kept(value.number, value.type_name)
    if isinstance(value, torch.Tensor):
        found: Value = _tensor_to_wire(value)
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in ARRAY_KINDS:
        found = _array_to_wire(value)
    else:
        found = _plain_to_wire(value, keeper, depth)
    if found is not None:
        return found
    if keeper is None:
        raise WireError(f"this {type(value).__name__} cannot cross to the other process")
    return keeper.keep(value)


def _plain_to_wire(value: Any, keeper: Keeper | None, depth: int) -> Value:
    """Containers, big numbers, bytes, dtypes and devices; None when it is none of these."""
    if isinstance(value, str):  # subclasses cross as what they are underneath
        return _text_to_wire(str.__str__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int):
        return _int_to_wire(int.__int__(value))
    if isinstance(value, complex):
        return Special("complex", struct.pack("<dd", value.real, value.imag))
    if isinstance(value, (bytes, bytearray)):
        return Special("bytes", bytes(value))
    if isinstance(value, torch.dtype):
        return Special("dtype", str(value).removeprefix("torch.").encode())
    if isinstance(value, torch.device):
        return Special("device", str(value).encode())
    if isinstance(value, dict):
        pairs = dict.items(value)
        return Mapping([tuple(to_wire(x, keeper, depth + 1) for x in pair) for pair in pairs])  # type: ignore[misc]
    for name, kind in SEQUENCES:
        if isinstance(value, kind):
            return Sequence(name, _items_to_wire(list(value), keeper, depth + 1))
    return None


def _items_to_wire(items: list[Any], keeper: Keeper | None, depth: int) -> list[Value]:
    if set(map(type, items)) <= {float, bool}:
        return items
    return [to_wire(x, keeper, depth) for x in items]


SEQUENCES: tuple[tuple[Literal["list", "tuple", "set"], type[Any] | tuple[type[Any], ...]], ...] = (
    ("list", list),
    ("tuple", tuple),
    ("set", (set, frozenset)),
)


def _text_to_wire(text: str) -> str | None:
    """None for half of a surrogate pair, which UTF-8 does not know."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return None
    return text


def _int_to_wire(number: int) -> int | Special | None:
    if -(2**63) <= number < 2**64:
        return number
    size = number.bit_length() // 8 + 1
    return Special("int", number.to_bytes(size, "little", signed=True)) if size <= MAX_INT_BYTES else None


def _tensor_to_wire(tensor: torch.Tensor) -> TensorValue | None:
    if tensor.layout != torch.strided or tensor.dtype not in DTYPE_NAMES or tensor.is_meta:
        return None
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype in NOT_IN_NUMPY:
        plain = plain.contiguous().reshape(-1).view(torch.uint8)
    data = plain.numpy().tobytes()
    return TensorValue(DTYPE_NAMES[tensor.dtype], list(tensor.shape), data, tensor.requires_grad)


def _array_to_wire(array: np.ndarray[Any, Any] | np.generic) -> ArrayValue:
    plain = np.ascontiguousarray(array)
    kind = plain.dtype.newbyteorder("<")
    return ArrayValue(
        kind.str, list(array.shape), plain.astype(kind).tobytes(), isinstance(array, np.generic)
    )


PLAIN = {float, int, bool, str, type(None)}  # they stand for themselves


def from_wire(value: Value, keeper: Keeper | None = None, depth: int = 0) -> Any:
    """Rebuild a Python value. With a keeper, Kept means the value itself; without, a Handle."""
    if depth > MAX_DEPTH:
        raise WireError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if type(value) in PLAIN:
        return value
    if depth == 0:
        _check_count(value)
    if isinstance(value, Sequence):
        return MAKERS[value.kind]([from_wire(x, keeper, depth + 1) for x in value.items])
    if isinstance(value, Mapping):
        pairs = [(from_wire(k, keeper, depth + 1), from_wire(v, keeper, depth + 1)) for k, v in value.pairs]
        return _dict(pairs)
    if isinstance(value, TensorValue):
        return _tensor_from_wire(value)
    if isinstance(value, ArrayValue):
        return _array_from_wire(value)
    if isinstance(value, Special):
        return _special_from_wire(value)
    if isinstance(value, Kept):
        return keeper.get(value.number) if keeper else Handle(value.number, value.type_name)
    return value


def _check_count(value: Value) -> None:
    """Refuse messages of more values than a grader can want, before anything is rebuilt."""
    left = MAX_ITEMS
    nodes: list[Value] = [value]
    while nodes:
        node = nodes.pop()
        items: list[Value] = []
        if isinstance(node, Sequence):
            items = node.items
        elif isinstance(node, Mapping):
            _check_keys(len(node.pairs))
            items = [x for pair in node.pairs for x in pair]
        if isinstance(node, Sequence) and node.kind == "set":
            _check_keys(len(items))
        left -= len(items)
        if left < 0:
            raise WireError(f"more than {MAX_ITEMS} values in one answer")
        nodes += [x for x in items if isinstance(x, (Sequence, Mapping))]


def _check_keys(n: int) -> None:
    if n > MAX_KEYS:
        raise WireError(f"a dict or set of more than {MAX_KEYS} keys")


def _set(items: list[Any]) -> Any:
    try:
        return set(items)
    except TypeError:
        raise WireError("a set holds something unhashable") from None


MAKERS: dict[str, Callable[[list[Any]], Any]] = {"list": list, "tuple": tuple, "set": _set}


def _dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    try:
        return dict(pairs)
    except TypeError:
        raise WireError("a dict has an unhashable key") from None


def _checked_size(shape: list[int], itemsize: int, data: bytes) -> None:
    """Refuse shapes that do not fit their data before anything is allocated for them."""
    if len(shape) > MAX_DIMENSIONS or any(n < 0 for n in shape):
        raise WireError("a shape is out of bounds")
    size = extent = itemsize
    for n in shape:
        size *= n
        extent *= max(n, 1)  # PyTorch and NumPy refuse a vast shape also when a 0 in it leaves it empty
    if size != len(data) or extent > 2**40:
        raise WireError("a tensor's bytes do not fit its shape")


def _check_bools(data: bytes) -> None:
    """A bool of any other byte would count as more than one in a sum."""
    if data.translate(None, b"\0\1"):
        raise WireError("a bool that is neither true nor false")


def _tensor_from_wire(value: TensorValue) -> torch.Tensor:
    dtype = DTYPES.get(value.dtype)
    if dtype is None:
        raise WireError("a tensor of an unknown dtype")
    _checked_size(value.shape, dtype.itemsize, value.data)
    if dtype == torch.bool:
        _check_bools(value.data)
    if value.data:
        tensor = torch.frombuffer(bytearray(value.data), dtype=dtype).reshape(value.shape)
    else:
        tensor = torch.empty(value.shape, dtype=dtype)
    can_require = dtype.is_floating_point or dtype.is_complex
    return tensor.requires_grad_() if value.requires_grad and can_require else tensor


def _array_from_wire(value: ArrayValue) -> Any:
    try:
        if not ARRAY_DTYPE.fullmatch(value.dtype):
            raise TypeError
        dtype = np.dtype(value.dtype)
    except TypeError:
        raise WireError("an array of an unknown dtype") from None
    _checked_size(value.shape, dtype.itemsize, value.data)
    if dtype == np.bool_:
        _check_bools(value.data)
    array = np.frombuffer(bytearray(value.data), dtype=dtype).reshape(value.shape)
    if value.scalar and not value.shape:
        return array[()]
    return array


def _special_from_wire(value: Special) -> Any:
    if value.kind == "bytes":
        return value.data
    if value.kind == "int":
        if len(value.data) > MAX_INT_BYTES:
            raise WireError(f"a whole number of over {MAX_INT_BYTES} bytes")
        return int.from_bytes(value.data, "little", signed=True)
    if value.kind == "complex":
        if len(value.data) != 16:
            raise WireError("a complex number that is not 16 bytes")
        return complex(*struct.unpack("<dd", value.data))
    text = value.data.decode("ascii", "replace")
    try:
        return DTYPES[text] if value.kind == "dtype" else torch.device(text)
    except (KeyError, RuntimeError):
        raise WireError(f"an unknown {value.kind}") from None
