"""The messages between the grader, the warm process and the student's process."""

from __future__ import annotations

from typing import Annotated

import msgspec

from autograder.core.records import Output
from autograder.protocol.values import Value


class Message(msgspec.Struct, array_like=True, forbid_unknown_fields=True, tag=True):
    """Base of all messages; the class name is the tag."""


# grader -> warm process (each Spawn carries the child's end of a fresh socket)
class Spawn(Message):
    seed: int
    slot: int
    scratch: str


class Interrupt(Message):
    pass


class KillTree(Message):
    """Kill and reap whatever is left of the submission."""


# warm process -> grader
class Ready(Message):
    sentence: str


class Spawned(Message):
    pid: int


class KillTreeDone(Message):
    signal: int


# grader -> the notebook's process
class RunCell(Message):
    number: int
    source: str
    given: bool


class Describe(Message):
    """Ask whether the process can be forked: one thread, no CUDA context."""


class Fork(Message):
    """Fork a copy that answers questions; carries the copy's end of a fresh socket.

    It answers with the notebook's names, or with those of the dict that `names` is bound to there.
    """

    names: str = ""


class EndFork(Message):
    pid: int


class Serve(Message):
    """Answer questions from now on, in this process (where forking is not safe); `names` as in Fork."""

    names: str = ""


class StopServing(Message):
    """Enough questions: back to cells."""


CELL_OUTPUT_BYTES = 2 * 2**20
NOTEBOOK_OUTPUT_BYTES = 16 * 2**20
OUTPUT_COST = 100  # what an output counts for when it is empty


def size_of(outputs: list[Output]) -> int:
    """How much outputs count towards the bounds, in characters."""
    return sum(
        OUTPUT_COST + len(x.text) + len(x.evalue) + sum(map(len, [*x.data.values(), *x.traceback]))
        for x in outputs
    )


class CellDone(Message):
    number: int
    execution_count: Annotated[int, msgspec.Meta(ge=0)] | None
    outputs: list[Output]


class Described(Message):
    forkable: bool


class Forked(Message):
    pid: int


# grader -> a copy that answers questions
class Call(Message):
    id: int
    name: str
    args: list[Value]
    kwargs: dict[str, Value]


class Fetch(Message):
    id: int
    name: str


class RunProbe(Message):
    """Run `function` of the probe file `source`; its first parameter gives the notebook's names."""

    id: int
    source: str
    function: str
    args: list[Value]
    kwargs: dict[str, Value]


Request = Call | Fetch | RunProbe


class CheckUnchanged(Message):
    """Ask whether the questions so far have left the notebook's names as they were (answered with a bool)."""

    id: int


class ValueResponse(Message):
    id: int
    value: Value
    changed: list[str]


class ErrorResponse(Message):
    id: int
    kinds: list[str]
    text: str
    where: str
    missing_name: bool = False


Response = ValueResponse | ErrorResponse
