"""Coverage-guided fuzzing of what the grader does with the bytes from a student's process.

    python -m tests.engine.protocol.fuzz_protocol -max_total_time=600    # takes every libFuzzer option

An input is a byte that says which kind of message is expected, followed by the bytes of one frame. Decoding it may
raise only ProtocolError and must stay within MEMORY, and its outputs must fit into a notebook that can be saved.
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
    from autograder.feedback.graded_notebook import output_node
    from autograder.protocol.channel import ProtocolError, decode_message
    from autograder.protocol.decode import decode_value
    from autograder.protocol.encode import encode_value

import nbformat
import numpy as np
import torch

from autograder.core.records import Output
from autograder.protocol.messages import CellDone, ErrorResponse, Forked, Response, ValueResponse

KINDS = (Response, CellDone, Forked)
MEMORY = 1 << 30
"""On top of what a process with torch uses at the start. An input of a few kilobytes needs far less."""
VALUES: list[Any] = [
    None, 1.5, 10**30, "text", b"bytes", [1, (2.0, {3})], {"a": [True]}, 1j, torch.ones(2, 3), torch.ones(1).bool(),
    np.arange(3), np.float32(1), torch.float32, torch.device("cpu"), torch.ones(1, requires_grad=True),
]  # fmt: skip


def examples() -> list[bytes]:
    """Valid messages of every kind, as the initial corpus."""
    values = [ValueResponse(1, encode_value(value), []) for value in VALUES]
    data = {"text/plain": "1", "application/json": '{"a": [1]}'}
    cells = [CellDone(1, 1, [Output("display_data", data=data), Output("error", ename="E", traceback=["x"])])]
    messages = [
        *values,
        ErrorResponse(1, ["ValueError"], "text", "cell 1"),
        *cells,
        Forked(1),
    ]
    kinds = {CellDone: 1, Forked: 2}
    return [bytes([kinds.get(type(x), 0)]) + msgspec.msgpack.encode(x) for x in messages]


def try_bytes(data: bytes) -> None:
    """Decode and use a frame as the grader does."""
    if not data:
        return
    try:
        message: Any = decode_message(data[1:], KINDS[data[0] % len(KINDS)])
        if isinstance(message, ValueResponse):
            decode_value(message.value)
        if isinstance(message, CellDone):
            outputs = [output_node(output) for output in message.outputs]
            count = message.execution_count
            cell = nbformat.v4.new_code_cell("", outputs=outputs, execution_count=count)
            nbformat.writes(nbformat.v4.new_notebook(cells=[cell])).encode()
    except ProtocolError:
        pass


def main() -> None:
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
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
