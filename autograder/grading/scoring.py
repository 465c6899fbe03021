"""Turn the checks of an exercise into its score and status."""

from __future__ import annotations

from autograder.core.records import CheckRun, Diagnosis, Exercise, ExerciseResult
from autograder.core.statuses import ExerciseStatus


def exercise_result(
    exercise: Exercise, runs: list[CheckRun], diagnosis: Diagnosis | None = None
) -> ExerciseResult:
    """Score an exercise: its points times the share of the checks' weight that was earned.

    Checks without a verdict are left out. After an internal error the score is None.
    """
    judged = [run.result for run in runs if run.result.passed is not None]
    total = sum(check.weight for check in judged)
    earned = sum(check.weight for check in judged if check.passed)
    status = _status(runs, earned)
    share = earned / total if total else float(status == "passed")
    score = None if status == "internal" else round(exercise.points * share, 2)
    checks = tuple(run.result for run in runs)
    return ExerciseResult(exercise.id, score, exercise.points, status, checks, diagnosis)


def _status(runs: list[CheckRun], earned: float) -> ExerciseStatus:
    faults = {run.fault for run in runs if run.fault}
    judged = [run for run in runs if run.result.passed is not None]
    if "internal" in faults or not judged:
        return "internal"
    if all(run.result.passed for run in judged):
        return "passed"
    if earned:
        return "partial"
    if "missing" in faults:
        return "missing"
    return faults.pop() if len(faults) == 1 else "wrong"
