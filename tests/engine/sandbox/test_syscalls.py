"""The system-call filter as a BPF program; test_sandbox.py tests what it refuses."""

from __future__ import annotations

import struct
import sys

import pytest

from autograder.sandbox import syscalls

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filter_ends(machine: str) -> None:
    """Every jump lands inside the program, and the last instruction returns."""
    instructions = list(struct.iter_unpack("HBBI", syscalls.program(machine)))
    for index, (code, if_true, if_false, _) in enumerate(instructions):
        if code & 0x07 == 0x05:
            assert index + 1 + max(if_true, if_false) < len(instructions)
    assert instructions[-1][0] == 0x06
