"""Random, truncated and oversized input is decoded or raises a ProtocolError, within bounded memory."""

from __future__ import annotations

import re
import resource
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.protocol.channel import Channel, ProtocolError
from autograder.protocol.decode import decode_value
from autograder.protocol.messages import Request, Response
from autograder.protocol.values import (
    DTYPES,
    ArrayValue,
    MappingValue,
    ObjectTable,
    RefValue,
    ScalarValue,
    SequenceValue,
    TensorValue,
    Value,
)
from tests.engine.support.scratch_course import ROOT


def decode_from_socket(data: bytes) -> None:
    """Decode as the grader does. Any error other than a ProtocolError escapes."""
    for kind in (Value, Response, Request):
        left, right = socket.socketpair()
        frame = struct.pack("<I", len(data)) + data
        sender = threading.Thread(target=left.sendall, args=[frame])
        with left, right, suppress(ProtocolError):
            sender.start()
            message: Any = Channel(right).receive(kind, 5)
            decode_value(message if kind is Value else getattr(message, "value", None))
        sender.join()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    decode_from_socket(data)


ATOMS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.binary(max_size=16),
    st.sampled_from([
        "s", "m", "t", "a", "x", "k", "list", "tuple", "set", "float32", "bool", "int64", "<f4", "|b1", "O",
        "<c16", "int", "bytes", "dtype", "device", "complex", "ValueResponse", "ErrorResponse", "Call",
    ]),
)  # fmt: skip
MESSAGES = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
def test_random_messages(message: Any) -> None:
    decode_from_socket(msgspec.msgpack.encode(message))


SHAPES = st.lists(st.integers(-3, 5) | st.integers(0, 2**63 - 1), max_size=18)
SCALARS = st.one_of(
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
        ScalarValue,
        st.sampled_from(["int", "bytes", "dtype", "device", "complex"]),
        st.binary(max_size=20) | st.text().map(str.encode) | st.just(b"cuda:7"),
    ),
    st.builds(RefValue, st.integers(-(2**63), 2**63), st.text()),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(SequenceValue, st.sampled_from(["list", "tuple", "set"]), st.lists(inner, max_size=4))
        | st.builds(MappingValue, st.lists(st.tuples(inner, inner), max_size=4))
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(VALUES, st.sampled_from([None, ObjectTable()]))
def test_random_values_of_the_right_types(value: Value, table: ObjectTable | None) -> None:
    with suppress(ProtocolError):
        found = decode_value(value, table)
        if isinstance(found, (torch.Tensor, np.ndarray)):
            assert found.nbytes <= 32


@pytest.mark.parametrize(
    "data",
    [
        b"\x93\xa1s\xa4list\xdd\xff\xff\xff\xff",  # claims to have 2**32 - 1 items
        b"\x92\xa1m\xdd\xff\xff\xff\xff",
        b"\x95\xa1t\xa5uint8\x91\x01\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x93\xa1s\xa4list\x91" * 200_000,
    ],
)
def test_a_false_length_takes_no_memory(data: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decode_from_socket(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_frame_of_empty_values_takes_a_bounded_multiple_of_its_size() -> None:
    n = 2**18
    data = b"\x93\xa1s\xa4list\xdd" + struct.pack(">I", n) + b"\x93\xa1k\x01\xa0" * n
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decode_from_socket(data)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert grown < 60 * len(data)


def test_coverage_guided_fuzzing_finds_no_crash() -> None:
    """Run the fuzzer briefly; `python -m tests.engine.protocol.fuzz_protocol -max_total_time=600` runs it for longer."""
    pytest.importorskip("atheris", reason="atheris has no wheel for this machine")
    command = [sys.executable, "-m", "tests.engine.protocol.fuzz_protocol", "-runs=200000", "-seed=1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"Done 200000 runs", done.stderr)
