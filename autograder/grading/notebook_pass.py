"""One pass over a submission: run its cells, then grade exercises in the state that each test cell saw."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import pytest

from autograder.core import wording
from autograder.core.cell_errors import cell_error
from autograder.core.records import CellRun, CheckRun, CodeCell, Exercise
from autograder.grading.context import GradingContext, asks_for_device
from autograder.grading.notebook_copies import AT_END, NotebookCopies
from autograder.grading.outcome import check_outcome
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import StudentLost
from autograder.process.run_cells import CellRunner

CPU = "cpu"
UNRELATED = ("memory", "timeout")
"""Faults of a check on a GPU that say nothing about whether code keeps its data on one device."""


class NotebookPass:
    """The cells of a submission, run once, with a time limit for everything that is asked about them."""

    def __init__(self, graders: CollectedGraders, runner: CellRunner, seed: int) -> None:
        self.graders = graders
        self.seed = seed
        self.limits = runner.limits
        self.deadline = time.monotonic() + self.limits.submission
        """When the time of the whole pass is up."""
        run = runner.run()
        self.cells: dict[int, CellRun] = run.cells
        self._copies = NotebookCopies(run, runner)
        self._exercise_deadline = 0.0

    def grade(
        self, exercise: Exercise, reference: ReferenceProxy, until_failure: bool = False
    ) -> list[CheckRun]:
        """Grade one exercise in the state that its test cell saw, with all data on the CPU.

        If its visible example failed there, the answer may come later in the notebook: the exercise is
        graded in the state after the last cell, too, and the better result counts.
        """
        test = self._test_cell(exercise)
        place = exercise.id if test else AT_END
        runs = self._run_checks(exercise, reference, until_failure, place)
        if (
            test is not None
            and any(map(_failed, runs))
            and not _succeeded(self._copies.cells.get(test.number))
        ):
            later = self._run_checks(exercise, reference, until_failure, AT_END)
            runs = later if _earned(later) > _earned(runs) else runs
        return _with_cause(runs, exercise, self._copies.runner.cells, self.cells)

    def ask_on_gpu(self, exercise: Exercise, reference: ReferenceProxy) -> tuple[list[CheckRun], list[str]]:
        """Ask one exercise's checks with their data on a GPU; return their runs.

        The rest is left out once one has not passed. But a check that asks for the device is always run: on
        the fake device and, if it passes there, on the GPU. The names of those that the GPU refuses are
        returned too. If a cell broke the GPU, all cells ran without it, and nothing is asked there.
        """
        runs: list[CheckRun] = []
        refused: list[str] = []
        with self._exercise(exercise.id if self._test_cell(exercise) else AT_END):
            for item in self.graders.checks[exercise.id]:
                about_devices = asks_for_device(item)
                if not about_devices and not all(map(passed, runs)):
                    continue
                runs.append(self._ask(item, reference, on_gpu=not about_devices))
                if about_devices and passed(runs[-1]) and self._copies.device != CPU:
                    there = self._ask(item, reference, on_gpu=True)
                    if there.result.passed is False and there.fault not in UNRELATED:
                        refused.append(there.result.name)
        return runs, refused

    def _test_cell(self, exercise: Exercise) -> CodeCell | None:
        return next((cell for cell in self._copies.runner.cells if cell.tests == exercise.id), None)

    def _run_checks(
        self, exercise: Exercise, reference: ReferenceProxy, until_failure: bool, place: str
    ) -> list[CheckRun]:
        runs: list[CheckRun] = []
        with self._exercise(place):
            for item in self.graders.checks[exercise.id]:
                runs.append(self._ask(item, reference))
                if until_failure and _failed(runs[-1]):
                    break
        return runs

    @contextmanager
    def _exercise(self, place: str) -> Iterator[None]:
        """Ask the checks of one exercise about copies of the notebook at a place, within its time."""
        self._copies.move_to(place)
        self._exercise_deadline = time.monotonic() + self.limits.exercise
        yield
        self._copies.leave()

    def _ask(self, item: pytest.Item, reference: ReferenceProxy, on_gpu: bool = False) -> CheckRun:
        """Run one check, with its data on the CPU or, unless a cell broke that, on the GPU.

        If it loses its copy of the notebook, the next one gets a new copy.
        """
        try:
            self._check_deadline()
            start = time.monotonic()
            student = self._copies.get()
            self._exercise_deadline += time.monotonic() - start  # a rerun does not count as its time
            student.deadline = min(self._exercise_deadline, self.deadline)
            device = self._copies.device if on_gpu else CPU
        except StudentLost as lost:
            return check_outcome(item, lost)
        return self.graders.run_check(item, GradingContext(student, reference, self.seed, device))

    def _check_deadline(self) -> None:
        now = time.monotonic()
        if now > self.deadline:
            raise StudentLost("timeout", wording.notebook_out_of_time(self.limits.submission))
        if now > self._exercise_deadline:
            raise StudentLost("timeout", wording.exercise_out_of_time(self.limits.exercise))


def passed(run: CheckRun) -> bool:
    return run.result.passed is True


def _failed(run: CheckRun) -> bool:
    return run.result.passed is False or run.fault is not None


def _earned(runs: list[CheckRun]) -> float:
    return sum(run.result.weight for run in runs if run.result.passed)


def _succeeded(cell: CellRun | None) -> bool:
    """Whether a cell ran to its end without an error."""
    return cell is not None and cell.note is None and all(output.kind != "error" for output in cell.outputs)


def _with_cause(
    runs: list[CheckRun], exercise: Exercise, cells: Sequence[CodeCell], outcomes: dict[int, CellRun]
) -> list[CheckRun]:
    """If a name is missing because the solution cell failed, add the cell's own error to the messages."""
    failed = [outcomes.get(cell.number) for cell in cells if cell.solves == exercise.id]
    causes = [cell_error(cell.outputs) or cell.note for cell in failed if cell is not None]
    cause = next(filter(None, causes), None)
    if cause is None:
        return runs
    sentence = wording.solution_cell_failed(cause)
    return [_with_line(run, sentence) if run.fault == "missing" else run for run in runs]


def _with_line(run: CheckRun, line: str) -> CheckRun:
    result = msgspec.structs.replace(run.result, message=f"{run.result.message}\n{line}")
    return msgspec.structs.replace(run, result=result)
