"""Grade one submission: run its cells, then each exercise's checks in the state that its test cell saw."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field

import msgspec
import pytest

from autograder.core import wording
from autograder.core.cell_errors import cell_error
from autograder.core.gpu_errors import gpu_request
from autograder.core.records import CellRun, CheckRun, CodeCell, Exercise
from autograder.core.settings import TimeLimits
from autograder.grading.context import GradingContext
from autograder.grading.notebook_copies import AT_END, NotebookCopies
from autograder.grading.outcome import check_outcome
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.process.launcher import Launcher, LauncherError
from autograder.process.proxy import StudentLost
from autograder.process.run_cells import CellRunner


@dataclass
class GradedSubmission:
    """The outputs of a submission's cells, by cell number, and the checks of each exercise, by its id."""

    cells: dict[int, CellRun]
    checks: dict[str, list[CheckRun]] = field(default_factory=dict)


class SubmissionGrader:
    """Grades submissions, one after another."""

    def __init__(
        self, graders: CollectedGraders, launcher: Launcher, limits: TimeLimits, seed: int, student_seed: int
    ) -> None:
        self.graders = graders
        self.launcher = launcher
        self.limits = limits
        self.seed = seed
        self.student_seed = student_seed
        self.deadline = math.inf

    def grade(
        self,
        cells: list[CodeCell],
        exercises: list[Exercise],
        references: dict[str, ReferenceProxy],
        until_failure: bool = False,
    ) -> GradedSubmission:
        """Run the cells once, then grade every exercise.

        With `until_failure`, an exercise's checks stop at the first that fails. If the fork server dies
        meanwhile, everything is repeated. Raises LauncherError if it dies twice.
        """
        for _ in range(2):
            deaths = self.launcher.deaths
            graded = self._grade_once(cells, exercises, references, until_failure)
            if self.launcher.deaths == deaths:
                return graded
        raise LauncherError("the fork server died twice while grading this submission")

    def run_in_namespaces(
        self, cells: list[CodeCell], pairs: list[tuple[str, pytest.Item]], reference: ReferenceProxy
    ) -> list[CheckRun]:
        """Run the cells once, then each check against one of the namespaces that they bind.

        A pair is the name of a namespace, a dict that the cells bind, and the check to run in it.
        """
        try:
            runner = self._runner(cells)
            process = runner.run().process
            runs: list[CheckRun] = []
            for names, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
                if process.serving:  # the previous namespace's code ended it
                    process = runner.run().process
                with process.answering(names) as proxy:
                    context = GradingContext(proxy, reference, self.seed, self.launcher.device)
                    runs += [self.graders.run_check(item, context) for _, item in group]
            return runs
        finally:
            self.launcher.kill_tree()

    def _grade_once(
        self,
        cells: list[CodeCell],
        exercises: list[Exercise],
        references: dict[str, ReferenceProxy],
        until_failure: bool,
    ) -> GradedSubmission:
        self.deadline = time.monotonic() + self.limits.submission
        try:
            runner = self._runner(cells)
            run = runner.run()
            graded = GradedSubmission(run.cells)
            copies = NotebookCopies(run, runner)
            for exercise in exercises:
                runs = self._grade_exercise(exercise, copies, references[exercise.id], until_failure)
                graded.checks[exercise.id] = _with_cause(runs, exercise, cells, run.cells)
            return graded
        finally:
            self.launcher.kill_tree()

    def _runner(self, cells: list[CodeCell]) -> CellRunner:
        return CellRunner(self.launcher, cells, self.student_seed, self.limits)

    def _grade_exercise(
        self, exercise: Exercise, copies: NotebookCopies, reference: ReferenceProxy, until_failure: bool
    ) -> list[CheckRun]:
        """Grade one exercise in the state that its test cell saw.

        If its visible example failed there, the answer may come later in the notebook: the exercise is
        graded in the state after the last cell, too, and the better result counts.
        """
        test = next((cell for cell in copies.runner.cells if cell.tests == exercise.id), None)
        runs = self._run_checks(exercise, copies, reference, until_failure, exercise.id if test else AT_END)
        if test is None or not any(map(_failed, runs)) or _succeeded(copies.cells.get(test.number)):
            return runs
        later = self._run_checks(exercise, copies, reference, until_failure, AT_END)
        return later if _earned(later) > _earned(runs) else runs

    def _run_checks(
        self,
        exercise: Exercise,
        copies: NotebookCopies,
        reference: ReferenceProxy,
        until_failure: bool,
        place: str,
    ) -> list[CheckRun]:
        """Run the checks of one exercise. If a check loses its copy, the next one gets a new copy."""
        runs: list[CheckRun] = []
        copies.move_to(place)
        deadline = time.monotonic() + self.limits.exercise
        for item in self.graders.checks[exercise.id]:
            try:
                self._check_deadline(deadline)
                start = time.monotonic()
                student = copies.get()
                deadline += time.monotonic() - start  # a rerun does not count as the exercise's time
                student.deadline = min(deadline, self.deadline)
                context = GradingContext(student, reference, self.seed, copies.device)
            except StudentLost as lost:
                runs.append(check_outcome(item, lost))
            else:
                runs.append(self.graders.run_check(item, context))
            if until_failure and _failed(runs[-1]):
                break
        copies.leave()
        return runs

    def _check_deadline(self, deadline: float) -> None:
        now = time.monotonic()
        if now > self.deadline:
            raise StudentLost("timeout", wording.notebook_out_of_time(self.limits.submission))
        if now > deadline:
            raise StudentLost("timeout", wording.exercise_out_of_time(self.limits.exercise))


def _failed(run: CheckRun) -> bool:
    return run.result.passed is False or run.fault is not None


def _earned(runs: list[CheckRun]) -> float:
    return sum(run.result.weight for run in runs if run.result.passed)


def _succeeded(cell: CellRun | None) -> bool:
    """Whether a cell ran to its end without an error."""
    return cell is not None and cell.note is None and all(output.kind != "error" for output in cell.outputs)


def _with_cause(
    runs: list[CheckRun], exercise: Exercise, cells: list[CodeCell], outcomes: dict[int, CellRun]
) -> list[CheckRun]:
    """If a name is missing because the solution cell failed, add the cell's own error to the messages."""
    failed = [outcomes.get(cell.number) for cell in cells if cell.solves == exercise.id]
    causes = [(cell_error(cell.outputs) or cell.note, cell) for cell in failed if cell is not None]
    cause, cell = next((pair for pair in causes if pair[0]), (None, None))
    if cause is None or cell is None:
        return runs
    sentence = wording.solution_cell_failed(cause)
    if cell.device_memory:
        sentence = wording.solution_cell_filled_gpu(gpu_request(cause))
    return [_with_line(run, sentence, cell) if run.fault == "missing" else run for run in runs]


def _with_line(run: CheckRun, line: str, cell: CellRun) -> CheckRun:
    result = msgspec.structs.replace(run.result, message=f"{run.result.message}\n{line}")
    fault = "memory" if cell.device_memory else run.fault
    return msgspec.structs.replace(run, result=result, fault=fault)
