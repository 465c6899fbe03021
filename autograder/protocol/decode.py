"""Decode the types in values.py back into Python values, trusting none of them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from autograder.protocol.channel import ProtocolError
from autograder.protocol.default_dtype import STANDARD
from autograder.protocol.values import (
    ARRAY_DTYPE,
    DTYPES,
    MAX_DEPTH,
    MAX_DIMENSIONS,
    MAX_INT_BYTES,
    MAX_ITEMS,
    MAX_KEYS,
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

PLAIN = {float, int, bool, str, type(None)}  # sent as they are


def decode_value(
    value: Value,
    table: ObjectTable | None = None,
    depth: int = 0,
    standard: torch.dtype = STANDARD,
    put: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Any:
    """Decode a value. A reference becomes the object itself if there is a `table`, otherwise an ObjectRef.

    Tensors of the grader's default dtype become tensors of the dtype `standard`. `put` moves a tensor to the
    device where it belongs.

    Raises ProtocolError if the value is malformed or over a limit.
    """
    if depth > MAX_DEPTH:
        raise ProtocolError(f"the value is nested more than {MAX_DEPTH} levels deep")
    if type(value) in PLAIN:
        return value
    if depth == 0:
        _check_count(value)
    if isinstance(value, SequenceValue):
        return MAKERS[value.kind]([decode_value(x, table, depth + 1, standard, put) for x in value.items])
    if isinstance(value, MappingValue):
        return _dict(
            [[decode_value(x, table, depth + 1, standard, put) for x in pair] for pair in value.pairs]
        )
    if isinstance(value, TensorValue):
        return _decode_tensor(value, standard, put)
    if isinstance(value, ArrayValue):
        return _decode_array(value)
    if isinstance(value, ScalarValue):
        return _decode_scalar(value)
    if isinstance(value, RefValue):
        return table.get(value.number) if table else ObjectRef(value.number, value.type_name)
    return value


def _check_count(value: Value) -> None:
    """Refuse more values than any grader needs, before decoding the first."""
    left = MAX_ITEMS
    nodes: list[Value] = [value]
    while nodes:
        node = nodes.pop()
        items: list[Value] = []
        if isinstance(node, SequenceValue):
            items = node.items
        elif isinstance(node, MappingValue):
            _check_keys(len(node.pairs))
            items = [x for pair in node.pairs for x in pair]
        if isinstance(node, SequenceValue) and node.kind == "set":
            _check_keys(len(items))
        left -= len(items)
        if left < 0:
            raise ProtocolError(f"more than {MAX_ITEMS} values in one message")
        nodes += [x for x in items if isinstance(x, (SequenceValue, MappingValue))]


def _check_keys(n: int) -> None:
    if n > MAX_KEYS:
        raise ProtocolError(f"a dict or set with more than {MAX_KEYS} keys")


def _set(items: list[Any]) -> Any:
    try:
        return set(items)
    except TypeError:
        raise ProtocolError("a set has an unhashable item") from None


MAKERS: dict[str, Callable[[list[Any]], Any]] = {"list": list, "tuple": tuple, "set": _set}


def _dict(pairs: list[list[Any]]) -> dict[Any, Any]:
    try:
        return dict(pairs)
    except TypeError:
        raise ProtocolError("a dict has an unhashable key") from None


def _check_size(shape: list[int], itemsize: int, data: bytes) -> None:
    """Refuse shapes that do not match their data, before allocating anything."""
    if len(shape) > MAX_DIMENSIONS or any(n < 0 for n in shape):
        raise ProtocolError("a shape has too many or negative dimensions")
    size = extent = itemsize
    for n in shape:
        size *= n
        extent *= max(n, 1)  # PyTorch and NumPy refuse a vast shape even if a 0 in it makes it empty
    if size != len(data) or extent > 2**40:
        raise ProtocolError("a tensor's shape does not match its number of bytes")


def _check_bools(data: bytes) -> None:
    """Refuse a bool whose byte is neither 0 nor 1: it would count as more than one in a sum."""
    if data.translate(None, b"\0\1"):
        raise ProtocolError("a bool that is neither true nor false")


def _decode_tensor(
    value: TensorValue, standard: torch.dtype, put: Callable[[torch.Tensor], torch.Tensor] | None
) -> torch.Tensor:
    dtype = DTYPES.get(value.dtype)
    if dtype is None:
        raise ProtocolError("a tensor has an unknown dtype")
    _check_size(value.shape, dtype.itemsize, value.data)
    if dtype == torch.bool:
        _check_bools(value.data)
    if value.data:
        tensor = torch.frombuffer(bytearray(value.data), dtype=dtype).reshape(value.shape)
    else:
        tensor = torch.empty(value.shape, dtype=dtype)
    if dtype == STANDARD != standard:
        tensor = tensor.to(standard)
    if put is not None:
        tensor = put(tensor)
    can_require = dtype.is_floating_point or dtype.is_complex
    return tensor.requires_grad_() if value.requires_grad and can_require else tensor


def _decode_array(value: ArrayValue) -> Any:
    try:
        if not ARRAY_DTYPE.fullmatch(value.dtype):
            raise TypeError
        dtype = np.dtype(value.dtype)
    except TypeError:
        raise ProtocolError("an array has an unknown dtype") from None
    _check_size(value.shape, dtype.itemsize, value.data)
    if dtype == np.bool_:
        _check_bools(value.data)
    array = np.frombuffer(bytearray(value.data), dtype=dtype).reshape(value.shape)
    if value.scalar and not value.shape:
        return array[()]
    return array


def _decode_scalar(value: ScalarValue) -> Any:
    if value.kind == "bytes":
        return value.data
    if value.kind == "int":
        if len(value.data) > MAX_INT_BYTES:
            raise ProtocolError(f"an int of more than {MAX_INT_BYTES} bytes")
        return int.from_bytes(value.data, "little", signed=True)
    if value.kind == "complex":
        if len(value.data) != 16:
            raise ProtocolError("a complex number that is not 16 bytes")
        return complex(*struct.unpack("<dd", value.data))
    text = value.data.decode("ascii", "replace")
    try:
        return DTYPES[text] if value.kind == "dtype" else torch.device(text)
    except (KeyError, RuntimeError):
        raise ProtocolError(f"an unknown {value.kind}") from None
