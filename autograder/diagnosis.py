"""Name the misconception: a wrong submission that answers as a chaff does has the chaff's mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from autograder.checks import close
from autograder.course import Course
from autograder.execution import Cell
from autograder.marking import Marker, ReferenceSide
from autograder.records import CheckRun, Diagnosis, Exchange, Exercise
from autograder.samples import Sample, read_samples
from autograder.wire import Handle

Answers = dict[str, tuple[Exchange, ...]]


class Diagnoser:
    """Runs each exercise's chaffs once, on the run's own inputs, and compares answers with them."""

    def __init__(
        self, course: Course, marker: Marker, reference: Callable[[Exercise], ReferenceSide]
    ) -> None:
        self.course = course
        self.marker = marker
        self.reference = reference
        self._known: dict[str, list[tuple[Sample, Answers]]] = {}

    def diagnose(self, exercise: Exercise, runs: list[CheckRun]) -> Diagnosis | None:
        """The first chaff whose every answer is this submission's; None when there is none."""
        answers = {run.result.name: run.exchanges for run in runs}
        # To the last bit first: some mistakes differ from others, or from none, by rounding alone.
        for tolerance in (0.0, 1e-4):
            for sample, known in self._chaffs(exercise):
                if _same(answers, known, tolerance):
                    return Diagnosis(sample.name, sample.message)
        return None

    def _chaffs(self, exercise: Exercise) -> list[tuple[Sample, Answers]]:
        if exercise.id not in self._known:
            solution = (self.course.solutions / f"{exercise.notebook}.py").read_text(encoding="utf-8")
            self._known[exercise.id] = [
                (sample, self._answers(exercise, solution, sample))
                for sample in read_samples(self.course.graders / exercise.id)
                if sample.kind == "chaff"
            ]
        return self._known[exercise.id]

    def _answers(self, exercise: Exercise, solution: str, sample: Sample) -> Answers:
        cells = [Cell(0, solution), Cell(1, sample.source)]
        marked = self.marker.mark(cells, [exercise], {exercise.id: self.reference(exercise)})
        return {run.result.name: run.exchanges for run in marked.checks[exercise.id]}


def _same(answers: Answers, known: Answers, tolerance: float) -> bool:
    return answers.keys() == known.keys() and all(
        len(mine) == len(known[name])
        and all(_same_exchange(a, b, tolerance) for a, b in zip(mine, known[name], strict=True))
        for name, mine in answers.items()
    )


def _same_exchange(mine: Exchange, known: Exchange, tolerance: float) -> bool:
    if mine.raised is not None or known.raised is not None:
        return _kind(mine) == _kind(known)
    return mine.changed == known.changed and _same_value(mine.answer, known.answer, tolerance)


def _kind(exchange: Exchange) -> str | None:
    """The exception's class: its words may differ between two who make the same mistake."""
    return exchange.raised.split(":")[0] if exchange.raised is not None else None


def _same_value(mine: Any, known: Any, tolerance: float) -> bool:
    if isinstance(known, Handle):
        return isinstance(mine, Handle)
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
