"""Diagnose a misconception: a submission with the same answers as a buggy sample makes its mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from autograder.core import wording
from autograder.core.records import CheckResult, CheckRun, CodeCell, Diagnosis, Exchange, Exercise
from autograder.course.course import Course
from autograder.course.samples import Sample, read_samples
from autograder.grading.checks import close
from autograder.grading.grade_submission import SubmissionGrader
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import NO_ANSWER
from autograder.protocol.channel import ProtocolError
from autograder.protocol.default_dtype import has_dtype
from autograder.protocol.values import ObjectRef

TOLERANCE = 1e-4
"""Relative; the absolute tolerance is a hundredth of it."""
CheckRuns = dict[str, CheckRun]
"""The runs of one exercise's checks, by the name of the check."""


class Diagnoser:
    """Compares a submission's answers with those of its exercise's buggy samples.

    A sample gets the same inputs as the submission. It runs a check only if that can still decide the
    diagnosis, and never again once it has answered. A run in which its process died or did not answer may say
    more about the machine than about the sample: it is repeated in a process of its own, and counts if it
    ends the same way.
    """

    def __init__(
        self, course: Course, grader: SubmissionGrader, reference: Callable[[Exercise], ReferenceProxy]
    ) -> None:
        self.course = course
        self.grader = grader
        self.reference = reference
        self._samples: dict[str, dict[str, Sample]] = {}
        self._sample_runs: dict[tuple[str, str, str], CheckRun] = {}

    def diagnose(self, exercise: Exercise, runs: list[CheckRun]) -> Diagnosis | None:
        """Find the buggy sample that gives the same answers or, failing that, fails the same checks."""
        mine = {run.result.name: run for run in runs}
        first_failed = next((run.result.name for run in runs if run.result.passed is False), None)
        if first_failed is None:
            return None
        return self._same_answers(exercise, mine, first_failed) or self._same_failures(exercise, mine)

    def _same_answers(self, exercise: Exercise, mine: CheckRuns, first_failed: str) -> Diagnosis | None:
        """Start with the first failed check: only the few samples that agree on it have to run the others."""
        samples = self._buggy_samples(exercise)
        self._run(exercise, [(name, first_failed) for name in samples])
        left = [name for name in samples if self._agrees(exercise, name, mine[first_failed], TOLERANCE)]
        self._run(exercise, [(name, check) for name in left for check in mine])
        left = [x for x in left if all(self._agrees(exercise, x, run, TOLERANCE) for run in mine.values())]
        if not left:
            return None
        # Prefer an exact match: some mistakes differ from each other, or from correct code, only by rounding.
        exact = [x for x in left if all(self._agrees(exercise, x, run, 0.0) for run in mine.values())]
        found = samples[(exact or left)[0]]
        return Diagnosis(found.name, found.message)

    def _same_failures(self, exercise: Exercise, mine: CheckRuns) -> Diagnosis | None:
        """Guess the only sample that fails exactly the same checks, unless every check failed."""
        samples = self._buggy_samples(exercise)
        failed = {name for name, run in mine.items() if run.result.passed is False}
        if len(failed) == sum(run.result.passed is not None for run in mine.values()):
            return None
        self._run(exercise, [(name, check) for name in samples for check in mine])
        alike = [name for name in samples if self._fails(exercise, name, mine) == failed]
        if len(alike) != 1:
            return None
        found = samples[alike[0]]
        return Diagnosis(found.name, wording.LOOKS_LIKE + found.message)

    def _fails(self, exercise: Exercise, sample: str, checks: Iterable[str]) -> set[str] | None:
        """The checks that the sample fails; None if one of them could not be run."""
        runs = {name: self._sample_runs[exercise.id, sample, name] for name in checks}
        if any(run.fault == "internal" for run in runs.values()):
            return None
        return {name for name, run in runs.items() if run.result.passed is False}

    def _buggy_samples(self, exercise: Exercise) -> dict[str, Sample]:
        if exercise.id not in self._samples:
            samples = read_samples(self.course.graders / exercise.id)
            self._samples[exercise.id] = {x.name: x for x in samples if x.kind == "chaff"}
        return self._samples[exercise.id]

    def _agrees(self, exercise: Exercise, sample: str, mine: CheckRun, tolerance: float) -> bool:
        run = self._sample_runs[exercise.id, sample, mine.result.name]
        return run.fault != "internal" and same_exchanges(mine.exchanges, run.exchanges, tolerance)

    def _run(self, exercise: Exercise, wanted: list[tuple[str, str]]) -> None:
        """Run these pairs of sample and check in one process, except those whose answers are known."""
        new = [
            pair
            for pair in wanted
            if (run := self._sample_runs.get((exercise.id, *pair))) is None or run.fault == "internal"
        ]
        if not new:
            return
        for pair, run in zip(new, self._run_once(exercise, new), strict=True):
            again = run if _answered(run) else self._run_once(exercise, [pair])[0]
            self._sample_runs[exercise.id, *pair] = again

    def _run_once(self, exercise: Exercise, pairs: list[tuple[str, str]]) -> list[CheckRun]:
        items = {item.name: item for item in self.grader.graders.checks[exercise.id]}
        cells = self._cells(exercise, list(dict.fromkeys(name for name, _ in pairs)))
        named = [(f"sample_{name}", items[check]) for name, check in pairs]
        try:
            return self.grader.run_in_namespaces(cells, named, self.reference(exercise))
        except ProtocolError as error:  # the process died between two checks
            fault = f"{type(error).__name__}: {error}"
            return [_not_judged(name, fault) for _, name in pairs]

    def _cells(self, exercise: Exercise, samples: list[str]) -> list[CodeCell]:
        """Cells that bind a namespace for each sample: the reference solution, then the sample over it.

        Each has its own copy of the reference solution, so that the reference's functions call the sample's.
        """
        solution = self.course.solution_file(exercise.notebook).read_text(encoding="utf-8")
        cells = [CodeCell(0, f"solution = compile({solution!r}, 'solution', 'exec')")]
        for number, name in enumerate(samples, 1):
            space, source = f"sample_{name}", self._buggy_samples(exercise)[name].source
            lines = [f"{space} = {{'__name__': '__main__'}}"]
            lines += [f"exec(solution, {space})", f"exec({source!r}, {space})"]
            cells.append(CodeCell(number, "\n".join(lines)))
        return cells


def _not_judged(check: str, detail: str) -> CheckRun:
    return CheckRun(CheckResult(check, None, 1.0, wording.NOT_JUDGED), "internal", detail)


def _answered(run: CheckRun) -> bool:
    """Whether the check was judged, on an answer to each of its requests."""
    lost = any(exchange.raised == NO_ANSWER for exchange in run.exchanges)
    return not lost and run.fault not in ("internal", "timeout", "memory")


def same_exchanges(mine: tuple[Exchange, ...], other: tuple[Exchange, ...], tolerance: float) -> bool:
    """Return whether two runs of a check got the same answers, errors and changes, one by one."""
    return len(mine) == len(other) and all(
        _same_exchange(a, b, tolerance) for a, b in zip(mine, other, strict=True)
    )


def _same_exchange(mine: Exchange, other: Exchange, tolerance: float) -> bool:
    if mine.raised is not None or other.raised is not None:
        return _exception_class(mine) == _exception_class(other)
    return mine.changed == other.changed and same_value(mine.answer, other.answer, tolerance)


def _exception_class(exchange: Exchange) -> str | None:
    """The class without the message, which may differ between submissions with the same mistake."""
    return exchange.raised.split(":")[0] if exchange.raised is not None else None


def same_value(mine: Any, other: Any, tolerance: float) -> bool:
    """Compare two answers as `close` does, tensors also by dtype. All object references count as the same."""
    if isinstance(other, ObjectRef):
        return isinstance(mine, ObjectRef)
    if isinstance(other, torch.Tensor) and isinstance(mine, torch.Tensor):
        return has_dtype(mine, other.dtype) and close(mine, other, tolerance, tolerance / 100)
    if isinstance(other, (list, tuple)):
        return (
            isinstance(mine, (list, tuple))
            and len(mine) == len(other)
            and all(same_value(a, b, tolerance) for a, b in zip(mine, other, strict=True))
        )
    if isinstance(other, dict):
        return (
            isinstance(mine, dict)
            and mine.keys() == other.keys()
            and all(same_value(mine[key], other[key], tolerance) for key in other)
        )
    return close(mine, other, tolerance, tolerance / 100)
