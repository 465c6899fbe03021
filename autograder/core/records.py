"""The small frozen records that pass from step to step, and the results file made of them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from autograder.core import wording
from autograder.core.statuses import ExerciseStatus, NotebookStatus

Fault = Literal["wrong", "raised", "timeout", "memory", "missing", "internal"]


class Exercise(msgspec.Struct, frozen=True):
    """One graded cell of a source notebook."""

    id: str
    notebook: str
    points: float
    written: bool = False


class CheckResult(msgspec.Struct, frozen=True):
    """One check of a hidden grader; `passed` is None where it could not be made."""

    name: str
    passed: bool | None
    weight: float
    message: str
    hint: str | None = None


class Exchange(msgspec.Struct, frozen=True):
    """What came back to one question: shown to the student, and compared with what chaffs answer."""

    answer: Any
    raised: str | None = None
    changed: tuple[str, ...] = ()


class CheckRun(msgspec.Struct, frozen=True):
    """A check's result with what only staff and the diagnosis see."""

    result: CheckResult
    fault: Fault | None = None
    detail: str | None = None
    exchanges: tuple[Exchange, ...] = ()


class Diagnosis(msgspec.Struct, frozen=True):
    """The known misconception whose answers are the same as this submission's, or which looks like it."""

    chaff: str
    message: str

    @property
    def sure(self) -> bool:
        """Whether all answers agree, rather than only which checks failed."""
        return not self.message.startswith(wording.LOOKS_LIKE)


class ExerciseResult(msgspec.Struct, frozen=True):
    id: str
    score: float | None
    max_score: float
    status: ExerciseStatus
    checks: tuple[CheckResult, ...] = ()
    diagnosis: Diagnosis | None = None


class NotebookResult(msgspec.Struct, frozen=True):
    path: str
    student: str | None
    notebook: str
    status: NotebookStatus
    message: str | None
    score: float
    max_score: float
    seconds: float
    exercises: tuple[ExerciseResult, ...] = ()


class Results(msgspec.Struct, frozen=True):
    """The file that `--json` writes."""

    assignment: str
    device: str
    results: tuple[NotebookResult, ...]
    schema: int = 1


class CodeCell(msgspec.Struct, frozen=True):
    """A code cell to run; `number` is its place in the submitted notebook."""

    number: int
    source: str
    given: bool = False
    """Whether it stands there as it was released: not the student's own."""


class CellRun(msgspec.Struct, frozen=True):
    """What a cell put out; `note` says in one sentence why it was stopped or left out."""

    number: int
    execution_count: int | None
    outputs: list[Output]
    note: str | None = None


class WorkerConfig(msgspec.Struct):
    """What a worker has to know."""

    root: str
    assignment: str
    seed: int
    device: str
    diagnose: bool
    slots: tuple[int, int] = (0, 1)
    """The first of the slots whose uids its students take in turn, and the step to the next: no two workers
    share one, so that what one submission does under its uid is nothing to another."""
    unsafe: bool = False
    """Whether to work where a student's code can read every file."""
    core: int = -1
    """The processor to stay on, or -1: question and answer cost less where they need not wake another."""


class GradeJob(msgspec.Struct):
    """One submission's code cells, and the exercises to grade."""

    cells: list[CodeCell]
    exercises: list[Exercise]
    until_failure: bool = False
    """Whether the first failed check is enough: the other ones are not asked then."""


class JobResult(msgspec.Struct):
    """What came of a job; `staff` names faults of ours, one sentence each."""

    cells: list[CellRun] = []
    exercises: list[ExerciseResult] = []
    seconds: float = 0.0
    internal_errors: list[str] = []
    warning: str = ""
    """What whoever reads the result should know of how it came about."""


class Output(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One output of a cell, in nbformat's terms."""

    kind: Literal["stream", "display_data", "execute_result", "error"]
    name: str = ""
    text: str = ""
    data: dict[str, str] = {}
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []
