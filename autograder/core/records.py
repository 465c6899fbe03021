"""The small records that pass from step to step, and the results file made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from autograder.core import wording
from autograder.core.statuses import ExerciseStatus, NotebookStatus

Fault = Literal["wrong", "raised", "timeout", "memory", "missing", "internal"]


def total(points: Iterable[float | None]) -> float:
    """Add up points. Rounded, since 0.1 + 0.2 would be 0.30000000000000004; None adds nothing."""
    return round(sum(x or 0.0 for x in points), 6)


class Exercise(msgspec.Struct, frozen=True):
    """One graded cell of a source notebook."""

    id: str
    notebook: str
    points: float
    written: bool = False
    """Whether it is a written answer, graded by a person."""


class CheckResult(msgspec.Struct, frozen=True):
    """The outcome of one check of a hidden grader; `passed` is None if the check could not be run."""

    name: str
    passed: bool | None
    weight: float
    message: str
    hint: str | None = None


class Exchange(msgspec.Struct, frozen=True):
    """The answer to one request: shown to the student, and compared with the answers of buggy samples."""

    answer: Any
    raised: str | None = None
    changed: tuple[str, ...] = ()


class CheckRun(msgspec.Struct, frozen=True):
    """A check's result, along with what only staff and the diagnosis may see."""

    result: CheckResult
    fault: Fault | None = None
    detail: str | None = None
    exchanges: tuple[Exchange, ...] = ()


class Diagnosis(msgspec.Struct, frozen=True):
    """A known misconception behind a submission's wrong answers; `chaff` names its buggy sample."""

    chaff: str
    message: str

    @property
    def sure(self) -> bool:
        """True if every answer agrees with the buggy sample's; False if only the failed checks do."""
        return not self.message.startswith(wording.LOOKS_LIKE)


class ExerciseResult(msgspec.Struct, frozen=True):
    """One exercise's score and checks.

    `score` is None after an internal error, and for a written answer that nobody has graded yet.
    """

    id: str
    score: float | None
    max_score: float
    status: ExerciseStatus
    checks: tuple[CheckResult, ...] = ()
    diagnosis: Diagnosis | None = None


class NotebookResult(msgspec.Struct, frozen=True):
    """One submitted notebook's result. `message` is a caveat, or says why there is no score.

    `score` is None unless the notebook was graded.
    """

    path: str
    student: str | None
    notebook: str
    status: NotebookStatus
    message: str | None
    score: float | None
    max_score: float
    seconds: float
    exercises: tuple[ExerciseResult, ...] = ()


class Results(msgspec.Struct, frozen=True):
    """The contents of the file that `--json` writes."""

    assignment: str
    device: str
    results: tuple[NotebookResult, ...]
    schema: int = 1


PRELUDE = -1
"""The number of a cell that is not in the notebook: imports to run, silently, before the first cell."""


class CodeCell(msgspec.Struct, frozen=True):
    """A code cell to run; `number` is its position in the submitted notebook, or PRELUDE."""

    number: int
    source: str
    solves: str = ""
    """The id of the exercise whose solution cell this is."""
    tests: str = ""
    """The id of the exercise whose test cell this is: the exercise is graded in the state just before it."""


class CellRun(msgspec.Struct, frozen=True):
    """A cell's outputs; `note` says in one sentence why it was stopped or left out."""

    number: int
    execution_count: int | None
    outputs: list[Output]
    note: str | None = None


class WorkerConfig(msgspec.Struct):
    """What a worker needs to know to start."""

    root: str
    assignment: str
    seed: int
    device: str
    """Where submissions are graded, "cpu" or "cuda"."""
    diagnose: bool
    slots: tuple[int, int] = (0, 1)
    """First slot and step between slots. Submissions take the uids of these slots in turn. No two workers
    share a slot, so two submissions graded at the same time never have the same uid."""
    unsafe: bool = False
    """Whether to grade even where student code can read every file that the grader can."""
    core: int = -1
    """The processor to stay on, or -1 for any: a request is quicker if it need not wake another."""
    card_bytes: int = 0
    """The memory of the card, all of which a submission may use that is graded alone; 0 without a card."""


class SubmittedFile(msgspec.Struct, frozen=True):
    """A file handed in beside the notebook; `path` is relative to the notebook's folder."""

    path: str
    data: bytes


class GradeJob(msgspec.Struct):
    """One submission's code cells, and the exercises to grade."""

    cells: list[CodeCell]
    exercises: list[Exercise]
    until_failure: bool = False
    """Whether to skip the remaining checks of an exercise after the first that fails."""
    files: list[SubmittedFile] = []
    """What to put beside the notebook."""
    alone: bool = False
    """Whether it is the only submission on the card, which then may use all of the card's memory."""


class JobResult(msgspec.Struct):
    """The outcome of a job; `internal_errors` holds one sentence for each error, for staff only."""

    cells: list[CellRun] = []
    exercises: list[ExerciseResult] = []
    seconds: float = 0.0
    internal_errors: list[str] = []
    warning: str = ""
    """A caveat to show with the result, or an empty string."""
    device_memory: bool = False
    """Whether a cell or an answer ran out of the card's memory."""
    device_peak: int = 0
    """Bytes of the card's memory that it was seen to use at once; 0 if the driver does not say."""
    asked_again: list[str] = []
    """The exercises that did not pass on the GPU, so that their checks were asked again on the CPU."""


class Output(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One output of a cell, in nbformat's terms."""

    kind: Literal["stream", "display_data", "execute_result", "error"]
    name: str = ""
    text: str = ""
    data: dict[str, str] = {}
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []
