"""Grade one submission: run its cells, then each exercise's checks on the state they left."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from autograder.core import wording
from autograder.core.records import CellRun, CheckRun, CodeCell, Exercise
from autograder.core.settings import TimeLimits
from autograder.grading.context import GradingContext
from autograder.grading.notebook_copies import NotebookCopies
from autograder.grading.outcome import check_outcome
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.process.launcher import Launcher, LauncherError
from autograder.process.proxy import StudentLost
from autograder.process.run_cells import Run, run_cells


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
        """Run the cells once, then grade every exercise on the state they left.

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
            process = self._run_cells(cells).process
            runs: list[CheckRun] = []
            for names, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
                if process.serving:  # the previous namespace's code ended it
                    process = self._run_cells(cells).process
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
            run = self._run_cells(cells)
            graded = GradedSubmission(run.cells)
            copies = NotebookCopies(run, partial(self._run_cells, cells))
            for exercise in exercises:
                reference = references[exercise.id]
                graded.checks[exercise.id] = self._grade_exercise(exercise, copies, reference, until_failure)
            return graded
        finally:
            self.launcher.kill_tree()

    def _run_cells(self, cells: list[CodeCell]) -> Run:
        """End the previous process and run the notebook in a new one."""
        self.launcher.kill_tree()
        return run_cells(self.launcher, cells, self.student_seed, self.limits)

    def _grade_exercise(
        self, exercise: Exercise, copies: NotebookCopies, reference: ReferenceProxy, until_failure: bool
    ) -> list[CheckRun]:
        """Grade one exercise so that no other can affect it.

        A copy of the notebook costs more than most exercises' checks, so it is used for the next exercise
        as long as nothing in it has changed. A failure in a used copy does not count, though: the exercise
        is graded again in a new one.
        """
        if copies.in_use:
            runs = self._run_checks(exercise, copies, reference, until_failure=True)
            kept = copies.keep_if_unchanged(runs)
            if not any(map(_failed, runs)):
                return runs
            if kept:
                copies.discard()
        runs = self._run_checks(exercise, copies, reference, until_failure)
        copies.keep_if_unchanged(runs)
        return runs

    def _run_checks(
        self, exercise: Exercise, copies: NotebookCopies, reference: ReferenceProxy, until_failure: bool
    ) -> list[CheckRun]:
        """Run the checks of one exercise. If a check loses its copy, the next one gets a new copy."""
        runs: list[CheckRun] = []
        deadline = time.monotonic() + self.limits.exercise
        for item in self.graders.checks[exercise.id]:
            try:
                self._check_deadline(deadline)
                start = time.monotonic()
                student = copies.get()
                deadline += time.monotonic() - start  # a rerun does not count as the exercise's time
                student.deadline = min(deadline, self.deadline)
                context = GradingContext(student, reference, self.seed, self.launcher.device)
            except StudentLost as lost:
                runs.append(check_outcome(item, lost))
            else:
                runs.append(self.graders.run_check(item, context))
            if until_failure and _failed(runs[-1]):
                break
        return runs

    def _check_deadline(self, deadline: float) -> None:
        now = time.monotonic()
        if now > self.deadline:
            raise StudentLost("timeout", wording.notebook_out_of_time(self.limits.submission))
        if now > deadline:
            raise StudentLost("timeout", wording.exercise_out_of_time(self.limits.exercise))


def _failed(run: CheckRun) -> bool:
    return run.result.passed is False or run.fault is not None
