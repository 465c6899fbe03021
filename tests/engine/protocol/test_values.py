"""Values survive a round trip; forged ones are refused."""

from __future__ import annotations

import math
import time
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.protocol.channel import ProtocolError
from autograder.protocol.decode import decode_value
from autograder.protocol.encode import encode_value
from autograder.protocol.values import (
    DTYPES,
    MAX_DEPTH,
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


def roundtrip(value: Any, table: ObjectTable | None = None) -> Any:
    """Encode and decode, as if the value had gone to the other process."""
    data = msgspec.msgpack.encode(encode_value(value, table))
    return decode_value(msgspec.msgpack.decode(data, type=Value))


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


class Colour(IntEnum):
    RED = 3


class Point(NamedTuple):
    x: int
    y: float


BUILTINS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.sets(st.integers(), max_size=1)
    ),  # a larger set may print in another order
    max_leaves=10,
)


@given(BUILTINS)
def test_builtin_values_survive_a_round_trip(value: Any) -> None:
    found = roundtrip(value)
    assert found == value
    assert repr(found) == repr(value)  # the same types all the way down, and -0.0 stays -0.0


@pytest.mark.parametrize("value", [math.nan, np.float32(np.nan)])
def test_nan_survives_a_round_trip(value: Any) -> None:
    assert math.isnan(roundtrip(value))
    assert type(roundtrip(value)) is type(value)


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (Colour.RED, 3),
        (Point(1, 2.0), (1, 2.0)),
        (np.str_("a"), "a"),
        (frozenset({1}), {1}),
        (bytearray(b"a"), b"a"),
        (torch.bfloat16, torch.bfloat16),
        (torch.device("cuda:1"), torch.device("cuda:1")),
    ],
)
def test_subclasses_are_sent_as_their_base_type(value: Any, base: Any) -> None:
    assert roundtrip(value) == base
    assert type(roundtrip(value)) is type(base)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 4), (2, 3, 2)], ids=str)
def test_tensors_keep_dtype_shape_and_bits(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape).mul(3).to(dtype)
    found = roundtrip(tensor)
    assert (found.dtype, found.shape) == (dtype, tensor.shape)
    assert torch.equal(found, tensor)


def test_views_conjugates_and_graphs_are_sent_as_plain_tensors() -> None:
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    views = (base.T, base[::2, 1:], base[:1].expand(5, 4), torch.tensor([1 + 2j]).conj())
    for tensor in views:
        assert torch.equal(roundtrip(tensor), tensor.resolve_conj())
    assert roundtrip(torch.nn.Parameter(base)).requires_grad
    assert not roundtrip(base).requires_grad
    assert roundtrip((base * 1).requires_grad_() * 2).grad_fn is None


@pytest.mark.parametrize("kind", ["?", "i1", "u8", ">i4", "f2", ">f8", "c8", "f8"])
def test_arrays_keep_values_and_shape(kind: str) -> None:
    for array in (np.arange(6).astype(kind).reshape(2, 3).T, np.zeros((0, 2), kind)):
        found = roundtrip(array)
        assert found.shape == array.shape
        assert found.dtype == array.dtype.newbyteorder("=")
        assert np.array_equal(found, array)


def test_numpy_scalars_and_0d_arrays_keep_their_type() -> None:
    assert type(roundtrip(np.float64(1.5))) is np.float64
    assert type(roundtrip(np.bool_(True))) is np.bool_
    assert isinstance(roundtrip(np.array(1.5)), np.ndarray)


def test_decoded_tensors_and_arrays_are_writable() -> None:
    roundtrip(torch.zeros(2)).add_(1)
    roundtrip(np.zeros(2))[0] = 1


@pytest.mark.parametrize(
    "value",
    [
        object(), len, Ellipsis, np.array([object()]), np.array(["a"]), np.datetime64(1, "s"),
        torch.zeros(2, device="meta"), torch.eye(2).to_sparse(), 10**20000, "half \ud800",
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_other_objects_go_into_the_table_or_are_refused(value: Any) -> None:
    table = ObjectTable()
    found = roundtrip([value], table)[0]
    assert isinstance(found, ObjectRef)
    assert found.type_name == type(value).__name__
    assert decode_value(encode_value(found), table) is value
    with pytest.raises(ProtocolError):
        encode_value(value)


@pytest.mark.parametrize("number", [-1, 1, 2**40])
def test_a_reference_to_nothing_is_refused(number: int) -> None:
    table = ObjectTable()
    table.add(len)
    with pytest.raises(ProtocolError):
        decode_value(RefValue(number, "x"), table)


def test_depth_is_bounded_at_both_ends() -> None:
    assert roundtrip(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(ProtocolError):
        encode_value(nested(MAX_DEPTH + 1))
    value: Value = None
    for _ in range(MAX_DEPTH + 1):
        value = SequenceValue("list", [value])
    with pytest.raises(ProtocolError):
        decode_value(value)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ProtocolError):
        encode_value(endless)


FORGED = {
    "object array": ArrayValue("|O", [1], b"\0" * 8, False),
    "object array, short": ArrayValue("O", [0], b"", False),
    "records": ArrayValue("f4,f4", [1], b"\0" * 8, False),
    "empty dtype": ArrayValue("", [0], b"", False),
    "zero byte as a dtype": ArrayValue("\0", [0], b"", False),
    "dates": ArrayValue("<M8", [1], b"\0" * 8, False),
    "impossible size": ArrayValue("<f3", [1], b"\0" * 3, False),
    "long dtype": ArrayValue("<f4," * 100_000, [0], b"", False),
    "negative": TensorValue("float32", [-1], b"\0" * 4, False),
    "two negatives": TensorValue("float32", [-1, -1], b"\0" * 4, False),
    "negative array": ArrayValue("<f4", [-1], b"\0" * 4, False),
    "vast": TensorValue("float32", [2**40], b"", False),
    "vast array": ArrayValue("<f4", [2**62, 4], b"\0" * 4, False),
    "wraps around to 0": TensorValue("uint8", [2**32, 2**32], b"", False),
    "vast but empty": TensorValue("float32", [0, 2**40, 2**40, 2**40], b"", False),
    "vast but empty array": ArrayValue("<f4", [2**40, 2**40, 2**40, 0], b"", False),
    "many dimensions": TensorValue("uint8", [1] * 40, b"\0", False),
    "too few bytes": TensorValue("float64", [2], b"\0" * 15, False),
    "too many bytes": TensorValue("float64", [2], b"\0" * 17, False),
    "not a dtype": TensorValue("Tensor", [0], b"", False),
    "bool of 2": TensorValue("bool", [2], b"\1\2", False),
    "array bool of 2": ArrayValue("|b1", [2], b"\1\2", False),
    "set of lists": SequenceValue("set", [SequenceValue("list", [])]),
    "dict with a list as key": MappingValue([(SequenceValue("list", []), 1)]),
    "dict with an array as key": MappingValue([(ArrayValue("<f4", [0], b"", False), 1)]),
    "dict with a tuple of lists as key": MappingValue(
        [(SequenceValue("tuple", [SequenceValue("list", [])]), 1)]
    ),
    "long int": ScalarValue("int", b"\1" * 5000),
    "short complex": ScalarValue("complex", b"cpu"),
    "unknown device": ScalarValue("device", b"\xff"),
    "unknown dtype": ScalarValue("dtype", b"numpy"),
    "many values": SequenceValue("list", [None] * (MAX_ITEMS + 1)),
    "many values, nested": SequenceValue("list", [SequenceValue("list", [None] * (MAX_ITEMS // 8))] * 9),
    "many keys": MappingValue([(i, i) for i in range(MAX_KEYS + 1)]),
    "large set": SequenceValue("set", list(range(MAX_KEYS + 1))),
}


@pytest.mark.parametrize("value", FORGED.values(), ids=FORGED.keys())
def test_forged_values_are_refused(value: Value) -> None:
    with pytest.raises(ProtocolError):
        decode_value(value)


def test_keys_made_to_collide_cost_seconds_at_most() -> None:
    keys = [encode_value(n * (2**61 - 1)) for n in range(MAX_KEYS // 4)]  # all of them hash to 0
    start = time.monotonic()
    decode_value(MappingValue([(key, None) for key in keys]))
    assert time.monotonic() - start < 2  # a sixteenth of the cost of MAX_KEYS


def test_integers_have_no_gradient() -> None:
    assert not decode_value(TensorValue("int64", [1], b"\0" * 8, True)).requires_grad
