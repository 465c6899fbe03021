"""Fuzz what the grader does with the bytes of a student's process, led by coverage.

    python -m tests.engine.protocol.fuzz_protocol -max_total_time=600        (any other option of libFuzzer's, too)

An input is one frame's bytes behind a byte that says which message is awaited. Nothing but a ProtocolError may
come of it, whatever it rebuilds has to stay small, and what is shown has to be a notebook that can be saved.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris
import msgspec

with atheris.instrument_imports(include=["autograder.protocol", "autograder.feedback.graded_notebook"]):
    from autograder.feedback.graded_notebook import _output
    from autograder.protocol.channel import ProtocolError, _decoded
    from autograder.protocol.decode import from_wire
    from autograder.protocol.encode import to_wire

import nbformat
import numpy as np
import torch

from autograder.core.records import Output
from autograder.protocol.messages import CellDone, Described, ErrorResponse, Forked, Response, ValueResponse

KINDS = (Response, CellDone, Forked, Described)
MEMORY = 1 << 30
"""Over what a process with torch holds at the start: an input of some kilobytes has to do with far less."""
VALUES: list[Any] = [
    None, 1.5, 10**30, "text", b"bytes", [1, (2.0, {3})], {"a": [True]}, 1j, torch.ones(2, 3), torch.ones(1).bool(),
    np.arange(3), np.float32(1), torch.float32, torch.device("cpu"), torch.ones(1, requires_grad=True),
]  # fmt: skip


def examples() -> list[bytes]:
    """Whole messages of every kind, to begin with."""
    answers = [ValueResponse(1, to_wire(value), []) for value in VALUES]
    shown = {"text/plain": "1", "application/json": '{"a": [1]}'}
    cells = [
        CellDone(1, 1, [Output("display_data", data=shown), Output("error", ename="E", traceback=["x"])])
    ]
    messages = [
        *answers,
        ErrorResponse(1, ["ValueError"], "text", "cell 1"),
        *cells,
        Forked(1),
        Described(True),
    ]
    first = {CellDone: 1, Forked: 2, Described: 3}
    return [bytes([first.get(type(x), 0)]) + msgspec.msgpack.encode(x) for x in messages]


def try_bytes(data: bytes) -> None:
    """What the grader does with a frame."""
    if not data:
        return
    try:
        message: Any = _decoded(data[1:], KINDS[data[0] % len(KINDS)])
        if isinstance(message, ValueResponse):
            from_wire(message.value)
        if isinstance(message, CellDone):
            outputs = [_output(output) for output in message.outputs]
            count = message.execution_count
            cell = nbformat.v4.new_code_cell("", outputs=outputs, execution_count=count)
            nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()
    except ProtocolError:
        pass


def main() -> None:
    with open("/proc/self/statm") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, held + MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        for number, example in enumerate(examples()):
            Path(folder, str(number)).write_bytes(example)
        options = [
            "-timeout=5",
            "-rss_limit_mb=0",
            "-max_len=65536",
            f"-artifact_prefix={tempfile.gettempdir()}/",
        ]
        atheris.Setup([sys.argv[0], *options, *sys.argv[1:], folder], try_bytes)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
