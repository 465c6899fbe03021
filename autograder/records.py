"""The small frozen records that pass from step to step, and the results file made of them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ExerciseStatus = Literal[
    "passed", "partial", "wrong", "raised", "timeout", "memory", "missing", "manual", "internal"
]
NotebookStatus = Literal["graded", "unreadable", "failed"]
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
    staff: str | None = None
    exchanges: tuple[Exchange, ...] = ()


LOOKS_LIKE = "This looks like a known mistake, though it may be another one: "


class Diagnosis(msgspec.Struct, frozen=True):
    """The known misconception whose answers are the same as this submission's, or which looks like it."""

    chaff: str
    message: str

    @property
    def sure(self) -> bool:
        """Whether all answers agree, rather than only which checks failed."""
        return not self.message.startswith(LOOKS_LIKE)


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


def exercise_result(
    exercise: Exercise, runs: list[CheckRun], diagnosis: Diagnosis | None = None
) -> ExerciseResult:
    """Add up the weights of the checks that could be made."""
    made = [run.result for run in runs if run.result.passed is not None]
    total = sum(check.weight for check in made)
    earned = sum(check.weight for check in made if check.passed)
    status = _status(runs, earned)
    share = earned / total if total else float(status == "passed")
    score = None if status == "internal" else round(exercise.points * share, 2)
    checks = tuple(run.result for run in runs)
    return ExerciseResult(exercise.id, score, exercise.points, status, checks, diagnosis)


def _status(runs: list[CheckRun], earned: float) -> ExerciseStatus:
    faults = {run.fault for run in runs if run.fault}
    made = [run for run in runs if run.result.passed is not None]
    if "internal" in faults or not made:
        return "internal"
    if all(run.result.passed for run in made):
        return "passed"
    if earned:
        return "partial"
    if "missing" in faults:
        return "missing"
    return faults.pop() if len(faults) == 1 else "wrong"
