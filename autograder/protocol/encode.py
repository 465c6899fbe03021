"""Encode Python values as the types in values.py."""

from __future__ import annotations

import struct
from typing import Any, Literal

import numpy as np
import torch

from autograder.protocol.channel import ProtocolError
from autograder.protocol.default_dtype import STANDARD, narrowed
from autograder.protocol.values import (
    ARRAY_KINDS,
    DTYPE_NAMES,
    MAX_DEPTH,
    MAX_INT_BYTES,
    NOT_IN_NUMPY,
    ArrayValue,
    MappingValue,
    ObjectRef,
    ObjectTable,
    RefValue,
    ScalarValue,
    SequenceValue,
    TensorValue,
    Value,
)

SEQUENCES: tuple[tuple[Literal["list", "tuple", "set"], type[Any] | tuple[type[Any], ...]], ...] = (
    ("list", list),
    ("tuple", tuple),
    ("set", (set, frozenset)),
)


def encode_value(
    value: Any, table: ObjectTable | None = None, depth: int = 0, standard: torch.dtype = STANDARD
) -> Value:
    """Encode a Python value; an object that cannot be sent goes into `table` and becomes a reference.

    Tensors of the dtype `standard` become tensors of the grader's default dtype.
    An instance of a subclass of a built-in type becomes that type. Raises ProtocolError if the value is
    nested too deeply, or if it cannot be sent and there is no table.
    """
    if depth > MAX_DEPTH:
        raise ProtocolError(f"the value is nested more than {MAX_DEPTH} levels deep")
    if value is None or type(value) in (float, bool):
        return value  # type: ignore[no-any-return]
    if isinstance(value, ObjectRef):
        return RefValue(value.number, value.type_name)
    if isinstance(value, torch.Tensor):
        found: Value = _encode_tensor(narrowed(value) if value.dtype == standard != STANDARD else value)
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in ARRAY_KINDS:
        found = _encode_array(value)
    else:
        found = _encode_builtin(value, table, depth, standard)
    if found is not None:
        return found
    if table is None:
        raise ProtocolError(f"a {type(value).__name__} cannot be sent to the other process")
    return table.add(value)


def _encode_builtin(value: Any, table: ObjectTable | None, depth: int, standard: torch.dtype) -> Value:
    """Encode containers, numbers, text, bytes, dtypes and devices; None for anything else."""
    # Call the base class's own methods: a subclass may have overridden them.
    if isinstance(value, str):
        return _encode_text(str.__str__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int):
        return _encode_int(int.__int__(value))
    if isinstance(value, complex):
        return ScalarValue("complex", struct.pack("<dd", value.real, value.imag))
    if isinstance(value, (bytes, bytearray)):
        return ScalarValue("bytes", bytes(value))
    if isinstance(value, torch.dtype):
        return ScalarValue("dtype", str(value).removeprefix("torch.").encode())
    if isinstance(value, torch.device):
        return ScalarValue("device", str(value).encode())
    if isinstance(value, dict):
        pairs = [_encode_items(list(pair), table, depth + 1, standard) for pair in dict.items(value)]
        return MappingValue([(key, item) for key, item in pairs])
    for name, kind in SEQUENCES:
        if isinstance(value, kind):
            return SequenceValue(name, _encode_items(list(value), table, depth + 1, standard))
    return None


def _encode_items(
    items: list[Any], table: ObjectTable | None, depth: int, standard: torch.dtype
) -> list[Value]:
    if set(map(type, items)) <= {float, bool}:
        return items
    return [encode_value(x, table, depth, standard) for x in items]


def _encode_text(text: str) -> str | None:
    """None if the text contains half of a surrogate pair, which UTF-8 cannot encode."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return None
    return text


def _encode_int(number: int) -> int | ScalarValue | None:
    if -(2**63) <= number < 2**64:
        return number
    size = number.bit_length() // 8 + 1
    if size > MAX_INT_BYTES:
        return None
    return ScalarValue("int", number.to_bytes(size, "little", signed=True))


def _encode_tensor(tensor: torch.Tensor) -> TensorValue | None:
    if tensor.layout != torch.strided or tensor.dtype not in DTYPE_NAMES or tensor.is_meta:
        return None
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype in NOT_IN_NUMPY:
        plain = plain.contiguous().reshape(-1).view(torch.uint8)
    data = plain.numpy().tobytes()
    return TensorValue(DTYPE_NAMES[tensor.dtype], list(tensor.shape), data, tensor.requires_grad)


def _encode_array(array: np.ndarray[Any, Any] | np.generic) -> ArrayValue:
    plain = np.ascontiguousarray(array)
    kind = plain.dtype.newbyteorder("<")
    return ArrayValue(
        kind.str, list(array.shape), plain.astype(kind).tobytes(), isinstance(array, np.generic)
    )
