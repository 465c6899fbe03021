"""Name the misconception: a wrong submission that answers as a chaff does has the chaff's mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from autograder.core import wording
from autograder.core.records import CheckRun, CodeCell, Diagnosis, Exchange, Exercise
from autograder.course.course import Course
from autograder.course.samples import Sample, read_samples
from autograder.grading.checks import close
from autograder.grading.grade_submission import SubmissionGrader
from autograder.grading.reference import ReferenceProxy
from autograder.protocol.values import ObjectRef

Answers = tuple[Exchange, ...]
Runs = dict[str, CheckRun]
TOLERANCE = 1e-4


class Diagnoser:
    """Runs an exercise's chaffs on the run's own inputs, as far as needed, and compares answers."""

    def __init__(
        self, course: Course, grader: SubmissionGrader, reference: Callable[[Exercise], ReferenceProxy]
    ) -> None:
        self.course = course
        self.grader = grader
        self.reference = reference
        self._samples: dict[str, dict[str, Sample]] = {}
        self._known: dict[tuple[str, str, str], CheckRun] = {}

    def diagnose(self, exercise: Exercise, runs: list[CheckRun]) -> Diagnosis | None:
        """The chaff whose every answer is this submission's, else the one that looks like it."""
        mine = {run.result.name: run for run in runs}
        first = next((run.result.name for run in runs if run.result.passed is False), None)
        if first is None:
            return None
        return self._alike(exercise, mine, first) or self._looks_like(exercise, mine)

    def _alike(self, exercise: Exercise, mine: Runs, first: str) -> Diagnosis | None:
        """The first failed check comes first: few chaffs answer it alike, so few are asked the rest."""
        chaffs = self._chaffs(exercise)
        self._ask(exercise, [(name, first) for name in chaffs])
        left = [name for name in chaffs if self._agrees(exercise, name, mine[first], TOLERANCE)]
        self._ask(exercise, [(name, check) for name in left for check in mine])
        left = [x for x in left if all(self._agrees(exercise, x, run, TOLERANCE) for run in mine.values())]
        if not left:
            return None
        # To the last bit first: some mistakes differ from others, or from none, by rounding alone.
        exact = [x for x in left if all(self._agrees(exercise, x, run, 0.0) for run in mine.values())]
        found = chaffs[(exact or left)[0]]
        return Diagnosis(found.name, found.message)

    def _looks_like(self, exercise: Exercise, mine: Runs) -> Diagnosis | None:
        """The only chaff that fails the very same checks, where they are not all of them: a guess."""
        chaffs = self._chaffs(exercise)
        failed = {name for name, run in mine.items() if run.result.passed is False}
        if len(failed) == sum(run.result.passed is not None for run in mine.values()):
            return None
        self._ask(exercise, [(name, check) for name in chaffs for check in mine])
        alike = [name for name in chaffs if self._failed(exercise, name, mine) == failed]
        if len(alike) != 1:
            return None
        found = chaffs[alike[0]]
        return Diagnosis(found.name, wording.LOOKS_LIKE + found.message)

    def _failed(self, exercise: Exercise, chaff: str, checks: Iterable[str]) -> set[str]:
        return {x for x in checks if self._known[exercise.id, chaff, x].result.passed is False}

    def _chaffs(self, exercise: Exercise) -> dict[str, Sample]:
        if exercise.id not in self._samples:
            samples = read_samples(self.course.graders / exercise.id)
            self._samples[exercise.id] = {x.name: x for x in samples if x.kind == "chaff"}
        return self._samples[exercise.id]

    def _agrees(self, exercise: Exercise, chaff: str, mine: CheckRun, tolerance: float) -> bool:
        known = self._known[exercise.id, chaff, mine.result.name]
        return _same(mine.exchanges, known.exchanges, tolerance)

    def _ask(self, exercise: Exercise, wanted: list[tuple[str, str]]) -> None:
        """Work out what these chaffs answer in these checks, all in one process, where not known yet."""
        new = [(name, check) for name, check in wanted if (exercise.id, name, check) not in self._known]
        if not new:
            return
        items = {item.name: item for item in self.grader.graders.checks[exercise.id]}
        asked = [(f"chaff_{name}", items[check]) for name, check in new]
        cells = self._cells(exercise, list(dict.fromkeys(name for name, _ in new)))
        found = self.grader.answers(cells, asked, self.reference(exercise))
        for (name, check), run in zip(new, found, strict=True):
            self._known[exercise.id, name, check] = run

    def _cells(self, exercise: Exercise, chaffs: list[str]) -> list[CodeCell]:
        """Each chaff on top of a reference solution of its own, whose functions call the chaff's."""
        solution = self.course.solution_file(exercise.notebook).read_text(encoding="utf-8")
        cells = [CodeCell(0, f"solution = compile({solution!r}, 'solution', 'exec')")]
        for number, name in enumerate(chaffs, 1):
            both = (
                f"exec(solution, chaff_{name})\nexec({self._chaffs(exercise)[name].source!r}, chaff_{name})"
            )
            cells.append(CodeCell(number, f"chaff_{name} = {{'__name__': '__main__'}}\n{both}"))
        return cells


def _same(mine: Answers, known: Answers, tolerance: float) -> bool:
    return len(mine) == len(known) and all(
        _same_exchange(a, b, tolerance) for a, b in zip(mine, known, strict=True)
    )


def _same_exchange(mine: Exchange, known: Exchange, tolerance: float) -> bool:
    if mine.raised is not None or known.raised is not None:
        return _kind(mine) == _kind(known)
    return mine.changed == known.changed and _same_value(mine.answer, known.answer, tolerance)


def _kind(exchange: Exchange) -> str | None:
    """The exception's class: its words may differ between two who make the same mistake."""
    return exchange.raised.split(":")[0] if exchange.raised is not None else None


def _same_value(mine: Any, known: Any, tolerance: float) -> bool:
    if isinstance(known, ObjectRef):
        return isinstance(mine, ObjectRef)
    if isinstance(known, torch.Tensor) and isinstance(mine, torch.Tensor):
        return mine.dtype == known.dtype and close(mine, known, tolerance, tolerance / 100)
    if isinstance(known, (list, tuple)):
        return (
            isinstance(mine, (list, tuple))
            and len(mine) == len(known)
            and all(_same_value(a, b, tolerance) for a, b in zip(mine, known, strict=True))
        )
    if isinstance(known, dict):
        return (
            isinstance(mine, dict)
            and mine.keys() == known.keys()
            and all(_same_value(mine[key], known[key], tolerance) for key in known)
        )
    return close(mine, known, tolerance, tolerance / 100)
