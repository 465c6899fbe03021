"""Mark one submission: run its cells, then put each exercise before its hidden grader."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from autograder.core import wording
from autograder.core.records import CellRun, CheckRun, CodeCell, Exercise, ExerciseResult
from autograder.core.settings import TimeLimits
from autograder.grading.context import GradingContext
from autograder.grading.notebook_copies import NotebookCopies
from autograder.grading.outcome import check_outcome
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.grading.scoring import exercise_result
from autograder.process.launcher import Launcher, LauncherError
from autograder.process.proxy import StudentLost
from autograder.process.run_cells import Run, run_cells


@dataclass
class GradedSubmission:
    """What marking a submission gives: its cells' outputs and each exercise's checks."""

    cells: dict[int, CellRun]
    checks: dict[str, list[CheckRun]] = field(default_factory=dict)

    def results(self, exercises: list[Exercise]) -> list[ExerciseResult]:
        return [exercise_result(exercise, self.checks[exercise.id]) for exercise in exercises]


class SubmissionGrader:
    """Marks submissions of one notebook, one after another."""

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

        When the warm process is lost meanwhile, all is done again: raises LauncherError the second time.
        """
        for _ in range(2):
            deaths = self.launcher.deaths
            graded = self._mark(cells, exercises, references, until_failure)
            if self.launcher.deaths == deaths:
                return graded
        raise LauncherError("the warm process died twice over this submission")

    def _mark(
        self,
        cells: list[CodeCell],
        exercises: list[Exercise],
        references: dict[str, ReferenceProxy],
        until_failure: bool,
    ) -> GradedSubmission:
        self.deadline = time.monotonic() + self.limits.submission
        try:
            run = self._run(cells)
            graded = GradedSubmission(run.cells)
            copies = NotebookCopies(run, partial(self._run, cells))
            for exercise in exercises:
                reference = references[exercise.id]
                graded.checks[exercise.id] = self._exercise(exercise, copies, reference, until_failure)
            return graded
        finally:
            self.launcher.kill_tree()

    def _run(self, cells: list[CodeCell]) -> Run:
        """Run the notebook in a process of its own, after ending the one before."""
        self.launcher.kill_tree()
        return run_cells(self.launcher, cells, self.student_seed, self.limits)

    def _exercise(
        self, exercise: Exercise, copies: NotebookCopies, reference: ReferenceProxy, until_failure: bool
    ) -> list[CheckRun]:
        """Grade one exercise so that no other can have disturbed it.

        A copy of the notebook costs more than most exercises' questions, so the next exercise is asked in
        the copy at hand as long as nothing there has changed. But what fails there does not count: the
        exercise is asked again, in a copy that no other exercise has seen.
        """
        if copies.used:
            runs = self._checks(exercise, copies, reference, until_failure=True)
            kept = copies.kept(runs)
            if not any(map(_failed, runs)):
                return runs
            if kept:
                copies.end()
        runs = self._checks(exercise, copies, reference, until_failure)
        copies.kept(runs)
        return runs

    def answers(
        self, cells: list[CodeCell], asked: list[tuple[str, pytest.Item]], reference: ReferenceProxy
    ) -> list[CheckRun]:
        """How several namespaces, that the cells leave behind by name, fare in one check each."""
        try:
            process = self._run(cells).process
            found: list[CheckRun] = []
            for names, group in itertools.groupby(asked, key=lambda pair: pair[0]):
                if process.serving:  # it was lost over the namespace before this one
                    process = self._run(cells).process
                with process.answering(names) as proxy:
                    context = GradingContext(proxy, reference, self.seed, self.launcher.device)
                    found += [self.graders.run_check(item, context) for _, item in group]
            return found
        finally:
            self.launcher.kill_tree()

    def _checks(
        self,
        exercise: Exercise,
        copies: NotebookCopies,
        reference: ReferenceProxy,
        until_failure: bool = False,
    ) -> list[CheckRun]:
        """All checks of one exercise; one that loses its copy costs only itself and its time."""
        runs: list[CheckRun] = []
        deadline = time.monotonic() + self.limits.exercise
        for item in self.graders.checks[exercise.id]:
            try:
                self._check_deadline(deadline)
                asked = time.monotonic()
                student = copies.living()
                deadline += time.monotonic() - asked  # running the notebook again is not the exercise's time
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
