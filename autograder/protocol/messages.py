"""The messages between the grader, the fork server and the student's process."""

from __future__ import annotations

from typing import Annotated

import msgspec

from autograder.core.records import Output
from autograder.protocol.values import Value

CELL_OUTPUT_BYTES = 2 * 2**20
NOTEBOOK_OUTPUT_BYTES = 16 * 2**20
OUTPUT_COST = 100  # counted for each output on top of its text


class Message(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag=True):
    """Base of all messages; the class name is the tag."""


# -- grader to fork server -------------------------------------------------------------------------


class Spawn(Message):
    """Start a student's process. One end of a new socket pair follows as a file descriptor."""

    seed: int
    slot: int
    scratch: str


class Interrupt(Message):
    """Send SIGINT to the student's process."""


class KillTree(Message):
    """Kill and reap whatever is left of the submission."""


# -- fork server to grader -------------------------------------------------------------------------


class Ready(Message):
    """The process has imported everything; `sentence` describes its sandbox."""

    sentence: str


class Spawned(Message):
    pid: int


class KillTreeDone(Message):
    """`signal` is what ended the submission's first process, or 0.

    If the submission was killed because it was over a limit, `over` is "memory" or "files".
    """

    signal: int
    over: str = ""


# -- grader to the notebook's process --------------------------------------------------------------


class PutFile(Message):
    """Put a file, or its next part, beside the notebook. Only before `Start`."""

    path: str
    data: bytes


class Start(Message):
    """Start the notebook. The response is Started."""


class RunCell(Message):
    """Run a cell."""

    number: int
    source: str


class InterruptCell(Message):
    """Let the SIGINT that follows interrupt this cell. If the cell has ended, the signal has no effect."""

    number: int


class Fork(Message):
    """Fork a copy. One end of a new socket pair follows as a file descriptor.

    The copy takes the same messages as the process it was forked from. The response is Forked(0) if a fork
    would not be a faithful copy: the process has several threads or a CUDA context, or the system is not
    Linux.
    """


class EndFork(Message):
    """Kill such a copy. The response is ForkEnded."""

    pid: int


class Serve(Message):
    """Answer requests in this process from now on.

    It answers with the notebook's names or, if `names` is not empty, with those in the dict of that name.
    """

    names: str = ""


class StopServing(Message):
    """Stop answering requests and go back to running cells."""


# -- the notebook's process to grader --------------------------------------------------------------


class Started(Message):
    """The process is confined, the files are in place, and it waits for cells."""


class ForkEnded(Message):
    """`signal` is what had ended the copy before it was to be killed, or 0."""

    signal: int


class CellDone(Message):
    number: int
    execution_count: Annotated[int, msgspec.Meta(ge=0)] | None
    outputs: list[Output]


class Forked(Message):
    pid: int


def size_of(outputs: list[Output]) -> int:
    """How much the outputs count towards the limits, in characters."""
    return sum(
        OUTPUT_COST + len(x.text) + len(x.evalue) + sum(map(len, [*x.data.values(), *x.traceback]))
        for x in outputs
    )


# -- grader to a process that answers requests -----------------------------------------------------
# `device` is a name in places.py. Objects that stayed in the process are where they were.


class Call(Message):
    """Call the notebook's function `name`. The tensors of the arguments are created on `device`."""

    id: int
    name: str
    args: list[Value]
    kwargs: dict[str, Value]
    device: str = ""


class Fetch(Message):
    """Get the value that `name` is bound to."""

    id: int
    name: str
    device: str = ""


class RunProbe(Message):
    """Run `function` from a probe file, given as `source`; its first argument holds the notebook's names.

    The tensors of the other arguments are created on `device`.
    """

    id: int
    source: str
    function: str
    args: list[Value]
    kwargs: dict[str, Value]
    device: str = ""


Request = Call | Fetch | RunProbe


class CheckUnchanged(Message):
    """Ask whether the requests so far left the notebook's names unchanged; the response's value is a bool."""

    id: int


# -- and its responses -----------------------------------------------------------------------------


class ValueResponse(Message):
    """A value, and the names of the arguments and global states that the request changed.

    `in_double` says that the notebook's default dtype is float64 (see default_dtype.py).
    """

    id: int
    value: Value
    changed: list[str]
    in_double: bool = False


class ErrorResponse(Message):
    """An exception: the names of its class and bases, its text, and where the student's code raised it."""

    id: int
    kinds: list[str]
    text: str
    where: str
    missing_name: bool = False


Response = ValueResponse | ErrorResponse
