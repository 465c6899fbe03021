"""What may cross between the processes: whatever comes in, a value or a ProtocolError, within bounds."""

from __future__ import annotations

import math
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.protocol.channel import Channel, ChannelClosed, DeadlineExceeded, MessageTooBig, ProtocolError
from autograder.protocol.decode import from_wire
from autograder.protocol.encode import to_wire
from autograder.protocol.messages import Request, Response, ValueResponse
from autograder.protocol.values import (
    DTYPES,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_KEYS,
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
from tests.engine.support.scratch_course import ROOT

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Both ends of a channel whose frames hold at most 1000 bytes."""
    ours, theirs = (Channel(sock, 1000) for sock in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


def crossed(value: Any, table: ObjectTable | None = None) -> Any:
    data = msgspec.msgpack.encode(to_wire(value, table))
    return from_wire(msgspec.msgpack.decode(data, type=Value))


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


PLAIN = st.recursive(
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
    ),  # more would print in any order
    max_leaves=10,
)


@given(PLAIN)
def test_plain_values_come_back_the_same(value: Any) -> None:
    found = crossed(value)
    assert found == value
    assert repr(found) == repr(value)  # of the same types all the way down, and -0.0 as it was


@pytest.mark.parametrize("value", [math.nan, np.float32(np.nan)])
def test_nan_crosses(value: Any) -> None:
    assert math.isnan(crossed(value))
    assert type(crossed(value)) is type(value)


@pytest.mark.parametrize(
    ("value", "plain"),
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
def test_subclasses_cross_as_what_they_are_underneath(value: Any, plain: Any) -> None:
    assert crossed(value) == plain
    assert type(crossed(value)) is type(plain)


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 4), (2, 3, 2)], ids=str)
def test_tensors_keep_dtype_shape_and_bits(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape).mul(3).to(dtype)
    found = crossed(tensor)
    assert (found.dtype, found.shape) == (dtype, tensor.shape)
    assert torch.equal(found, tensor)


def test_tensors_cross_whatever_lies_behind_them() -> None:
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    odd = (base.T, base[::2, 1:], base[:1].expand(5, 4), torch.tensor([1 + 2j]).conj())
    for tensor in odd:
        assert torch.equal(crossed(tensor), tensor.resolve_conj())
    assert crossed(torch.nn.Parameter(base)).requires_grad
    assert not crossed(base).requires_grad
    assert crossed((base * 1).requires_grad_() * 2).grad_fn is None


@pytest.mark.parametrize("kind", ["?", "i1", "u8", ">i4", "f2", ">f8", "c8", "f8"])
def test_arrays_keep_values_and_shape(kind: str) -> None:
    for array in (np.arange(6).astype(kind).reshape(2, 3).T, np.zeros((0, 2), kind)):
        found = crossed(array)
        assert found.shape == array.shape
        assert found.dtype == array.dtype.newbyteorder("=")
        assert np.array_equal(found, array)


def test_numpy_scalars_and_0d_arrays_stay_what_they_are() -> None:
    assert type(crossed(np.float64(1.5))) is np.float64
    assert type(crossed(np.bool_(True))) is np.bool_
    assert isinstance(crossed(np.array(1.5)), np.ndarray)


def test_what_was_rebuilt_can_be_written_to() -> None:
    crossed(torch.zeros(2)).add_(1)
    crossed(np.zeros(2))[0] = 1


@pytest.mark.parametrize(
    "value",
    [
        object(), len, Ellipsis, np.array([object()]), np.array(["a"]), np.datetime64(1, "s"),
        torch.zeros(2, device="meta"), torch.eye(2).to_sparse(), 10**20000, "half \ud800",
    ],
    ids=lambda x: type(x).__name__,
)  # fmt: skip
def test_what_cannot_cross_is_kept_or_refused(value: Any) -> None:
    table = ObjectTable()
    found = crossed([value], table)[0]
    assert isinstance(found, ObjectRef)
    assert found.type_name == type(value).__name__
    assert from_wire(to_wire(found), table) is value
    with pytest.raises(ProtocolError):
        to_wire(value)


@pytest.mark.parametrize("number", [-1, 1, 2**40])
def test_a_number_under_which_nothing_is_kept(number: int) -> None:
    table = ObjectTable()
    table.keep(len)
    with pytest.raises(ProtocolError):
        from_wire(RefValue(number, "x"), table)


def test_depth_is_bounded_on_both_sides() -> None:
    assert crossed(nested(MAX_DEPTH)) == nested(MAX_DEPTH)
    with pytest.raises(ProtocolError):
        to_wire(nested(MAX_DEPTH + 1))
    value: Value = None
    for _ in range(MAX_DEPTH + 1):
        value = Sequence("list", [value])
    with pytest.raises(ProtocolError):
        from_wire(value)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ProtocolError):
        to_wire(endless)


FORGED = {
    "object array": ArrayValue("|O", [1], b"\0" * 8, False),
    "object array, short": ArrayValue("O", [0], b"", False),
    "records": ArrayValue("f4,f4", [1], b"\0" * 8, False),
    "no dtype": ArrayValue("", [0], b"", False),
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
    "dtype of no tensor": TensorValue("Tensor", [0], b"", False),
    "bool of 2": TensorValue("bool", [2], b"\1\2", False),
    "array bool of 2": ArrayValue("|b1", [2], b"\1\2", False),
    "set of lists": Sequence("set", [Sequence("list", [])]),
    "dict with a list as key": Mapping([(Sequence("list", []), 1)]),
    "dict with an array as key": Mapping([(ArrayValue("<f4", [0], b"", False), 1)]),
    "dict with a tuple of lists as key": Mapping([(Sequence("tuple", [Sequence("list", [])]), 1)]),
    "long number": Special("int", b"\1" * 5000),
    "short complex": Special("complex", b"cpu"),
    "no device": Special("device", b"\xff"),
    "no dtype at all": Special("dtype", b"numpy"),
    "many values": Sequence("list", [None] * (MAX_ITEMS + 1)),
    "many values, spread": Sequence("list", [Sequence("list", [None] * (MAX_ITEMS // 8))] * 9),
    "many keys": Mapping([(i, i) for i in range(MAX_KEYS + 1)]),
    "large set": Sequence("set", list(range(MAX_KEYS + 1))),
}


@pytest.mark.parametrize("value", FORGED.values(), ids=FORGED.keys())
def test_forged_values_are_refused(value: Value) -> None:
    with pytest.raises(ProtocolError):
        from_wire(value)


def test_keys_made_to_collide_cost_seconds_at_most() -> None:
    keys = [to_wire(n * (2**61 - 1)) for n in range(MAX_KEYS // 4)]  # all of them hash to 0
    start = time.monotonic()
    from_wire(Mapping([(key, None) for key in keys]))
    assert time.monotonic() - start < 2  # a sixteenth of the most that may be sent


def test_integers_have_no_gradient() -> None:
    assert not from_wire(TensorValue("int64", [1], b"\0" * 8, True)).requires_grad


def settled(data: bytes) -> None:
    """Decode as the grader does; anything but a ProtocolError escapes."""
    for kind in (Value, Response, Request):
        left, right = socket.socketpair()
        frame = struct.pack("<I", len(data)) + data
        sender = threading.Thread(target=left.sendall, args=[frame])
        with left, right, suppress(ProtocolError):
            sender.start()
            message: Any = Channel(right).receive(kind, 5)
            from_wire(message if kind is Value else getattr(message, "value", None))
        sender.join()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    settled(data)


ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.binary(max_size=16),
    st.sampled_from([
        "s", "m", "t", "a", "x", "k", "list", "tuple", "set", "float32", "bool", "int64", "<f4", "|b1", "O",
        "<c16", "int", "bytes", "dtype", "device", "complex", "ValueResponse", "ErrorResponse", "Call",
    ]),
)  # fmt: skip
TREES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_random_messages(tree: Any) -> None:
    settled(msgspec.msgpack.encode(tree))


SHAPES = st.lists(st.integers(-3, 5) | st.integers(0, 2**63 - 1), max_size=18)
NODES = st.one_of(
    st.builds(
        TensorValue,
        st.sampled_from([*DTYPES, "float8", ""]),
        SHAPES,
        st.binary(max_size=32),
        st.booleans(),
    ),
    st.builds(
        ArrayValue,
        st.sampled_from(["<f4", "|b1", "<c16", "<f16", "|u1", ">f4"]) | st.text(max_size=6),
        SHAPES,
        st.binary(max_size=32),
        st.booleans(),
    ),
    st.builds(
        Special,
        st.sampled_from(["int", "bytes", "dtype", "device", "complex"]),
        st.binary(max_size=20) | st.text().map(str.encode) | st.just(b"cuda:7"),
    ),
    st.builds(RefValue, st.integers(-(2**63), 2**63), st.text()),
)
FORESTS = st.recursive(
    NODES,
    lambda inner: (
        st.builds(Sequence, st.sampled_from(["list", "tuple", "set"]), st.lists(inner, max_size=4))
        | st.builds(Mapping, st.lists(st.tuples(inner, inner), max_size=4))
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(FORESTS, st.sampled_from([None, ObjectTable()]))
def test_random_values_of_the_right_form(value: Value, table: ObjectTable | None) -> None:
    with suppress(ProtocolError):
        found = from_wire(value, table)
        if isinstance(found, (torch.Tensor, np.ndarray)):
            assert found.nbytes <= 32


@pytest.mark.parametrize(
    "data",
    [
        b"\x93\xa1s\xa4list\xdd\xff\xff\xff\xff",  # says it has 2**32 - 1 items
        b"\x92\xa1m\xdd\xff\xff\xff\xff",
        b"\x95\xa1t\xa5uint8\x91\x01\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x93\xa1s\xa4list\x91" * 200_000,
    ],
)
def test_a_length_that_is_not_there_takes_no_memory(data: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    settled(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_frame_of_empty_values_takes_a_bounded_multiple_of_its_size() -> None:
    n = 2**18
    data = b"\x93\xa1s\xa4list\xdd" + struct.pack(">I", n) + b"\x93\xa1k\x01\xa0" * n
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    settled(data)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < 60 * len(data)


@pytest.mark.parametrize("data", [b"\xc1", b"", b"\x91\xc0", b"\xa2\xff\xff", b"\xc0\xc0"])
def test_what_is_no_message(ends: Ends, data: bytes) -> None:
    ours, theirs = ends
    theirs.sock.sendall(struct.pack("<I", len(data)) + data)
    with pytest.raises(ProtocolError):
        ours.receive(ValueResponse, 1)


@pytest.mark.parametrize(
    "fields",
    [
        ["ValueResponse", "1", None, []],
        ["ValueResponse", 1.5, None, []],
        ["ValueResponse", 1, None, [1]],
        ["ValueResponse", 1, ["s", "dict", []], []],
        ["ValueResponse", 1, ["?"], []],
        ["ValueResponse", 1, {}, []],
        ["ValueResponse", 1, ["k", 0, "Net", "more"], []],
        ["ValueResponse", 1, None, [], "more"],
        ["ValueResponse", 1],
        ["Fetch", 1, "x"],
    ],
)
def test_messages_are_strict(ends: Ends, fields: list[Any]) -> None:
    ours, theirs = ends
    theirs.send(fields)
    with pytest.raises(ProtocolError):
        ours.receive(Response, 1)


def test_a_message_arrives_and_the_next_one_too(ends: Ends) -> None:
    ours, theirs = ends
    for number in (1, 2):
        theirs.send(ValueResponse(number, None, []), 1)
    assert [ours.receive(Response, 1).id for _ in (1, 2)] == [1, 2]


def test_oversize_is_refused_by_both_ends(ends: Ends) -> None:
    ours, theirs = ends
    with pytest.raises(MessageTooBig):
        theirs.send("x" * 1001)
    theirs.send("x" * 900)
    assert len(ours.receive(str, 1)) == 900
    theirs.sock.sendall(struct.pack("<I", 1001))  # refused by its length: nothing else was sent
    with pytest.raises(MessageTooBig):
        ours.receive(str, 1)


def test_a_message_cut_short(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sock.sendall(struct.pack("<I", 10) + b"\xa9abc")
    theirs.close()
    with pytest.raises(ChannelClosed):
        ours.receive(str, 1)


@pytest.mark.parametrize("message", ["\ud800", {"a": object()}, 2**70])
def test_what_cannot_be_written_is_a_wire_error_and_sends_nothing(ends: Ends, message: Any) -> None:
    ours, theirs = ends
    with pytest.raises(ProtocolError):
        theirs.send(message)
    theirs.send("after")
    assert ours.receive(str, 1) == "after"


def test_a_slow_drip_does_not_reset_the_deadline(ends: Ends) -> None:
    ours, theirs = ends
    stop = threading.Event()

    def drip() -> None:
        for byte in struct.pack("<I", 900) + b"\xda" + b"a" * 899:
            if stop.wait(0.05):
                return
            theirs.sock.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    try:
        with pytest.raises(DeadlineExceeded):
            ours.receive(str, 0.3)
        assert time.monotonic() - start < 0.6
    finally:
        stop.set()
        thread.join()


def test_a_reader_that_takes_nothing_is_late(ends: Ends) -> None:
    ours, _ = ends
    ours.max_frame = 2**30
    with pytest.raises(DeadlineExceeded):
        ours.send(b"x" * 2**24, 0.1)


def test_closing_ends_a_wait_in_another_thread(ends: Ends) -> None:
    ours, theirs = ends
    timer = threading.Timer(0.1, theirs.close)
    timer.start()
    with pytest.raises(ChannelClosed):
        ours.receive(str, 5)
    timer.join()
    with pytest.raises(ChannelClosed):
        ours.send("x", 1)


def test_coverage_finds_no_bytes_that_escape() -> None:
    """A short run of the fuzzer; `python -m tests.engine.protocol.fuzz_protocol -max_total_time=600` is a long one."""
    pytest.importorskip("atheris", reason="atheris has no wheel for this machine")
    line = [sys.executable, "-m", "tests.engine.protocol.fuzz_protocol", "-runs=200000", "-seed=1"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"Done 200000 runs", done.stderr)
