"""TODO protocol.encode."""

from __future__ import annotations

import struct
from typing import Any, Literal

import numpy as np
import torch

from autograder.protocol.channel import ProtocolError
from autograder.protocol.values import (
    ARRAY_KINDS,
    DTYPE_NAMES,
    MAX_DEPTH,
    MAX_INT_BYTES,
    NOT_IN_NUMPY,
    ArrayValue,
    Mapping,
    ObjectRef,
    ObjectTable,
    RefValue,
    Sequence,
    Special,
    TensorValue,
    Value,
)


def to_wire(value: Any, table: ObjectTable | None = None, depth: int = 0) -> Value:
    """Turn a Python value into what may cross; what cannot cross is kept, or refused without a keeper."""
    if depth > MAX_DEPTH:
        raise ProtocolError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if value is None or type(value) in (float, bool):
        return value  # type: ignore[no-any-return]
    if isinstance(value, ObjectRef):
        return RefValue(value.number, value.type_name)
    if isinstance(value, torch.Tensor):
        found: Value = _tensor_to_wire(value)
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in ARRAY_KINDS:
        found = _array_to_wire(value)
    else:
        found = _plain_to_wire(value, table, depth)
    if found is not None:
        return found
    if table is None:
        raise ProtocolError(f"this {type(value).__name__} cannot cross to the other process")
    return table.keep(value)


def _plain_to_wire(value: Any, table: ObjectTable | None, depth: int) -> Value:
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
        return Mapping([tuple(to_wire(x, table, depth + 1) for x in pair) for pair in pairs])  # type: ignore[misc]
    for name, kind in SEQUENCES:
        if isinstance(value, kind):
            return Sequence(name, _items_to_wire(list(value), table, depth + 1))
    return None


def _items_to_wire(items: list[Any], table: ObjectTable | None, depth: int) -> list[Value]:
    if set(map(type, items)) <= {float, bool}:
        return items
    return [to_wire(x, table, depth) for x in items]


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
