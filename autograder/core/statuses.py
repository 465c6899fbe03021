"""The one table of exercise statuses and what follows from each."""

from __future__ import annotations

from typing import Literal, NamedTuple

ExerciseStatus = Literal[
    "passed", "partial", "wrong", "raised", "timeout", "memory", "missing", "manual", "internal"
]
NotebookStatus = Literal["graded", "unreadable", "failed"]


class Status(NamedTuple):
    """What an exercise's status means."""

    meaning: str
    listed: bool = True
    """Whether the class table lists the exercise, so that somebody looks at it."""
    diagnosed: bool = False
    """Whether to look for a known misconception."""


STATUSES: dict[ExerciseStatus, Status] = {
    "passed": Status("every check passed", listed=False),
    "partial": Status("some checks passed, others failed", diagnosed=True),
    "wrong": Status(
        "no check passed: the answers are wrong, or the checks failed for different reasons", diagnosed=True
    ),
    "raised": Status(
        "no check passed, because the code raised an exception or ended its process", diagnosed=True
    ),
    "timeout": Status("no check passed, because the code took too long"),
    "memory": Status("no check passed, because the code ran out of memory or wrote too much to disk"),
    "missing": Status(
        "no check passed, and a name that the exercise asks for is not defined or is still the stub"
    ),
    "manual": Status(
        "a written answer, graded by a person. Its score is null, or 0 if the answer was left unchanged",
        listed=False,
    ),
    "internal": Status(
        "an internal error: the grader failed, not the student. The score is null, and no points are lost"
    ),
}
