"""Grade one submission: run its cells, then each exercise's checks in the state that its test cell saw."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest

from autograder.core.records import CellRun, CheckRun, CodeCell, Exercise
from autograder.core.settings import TimeLimits
from autograder.grading.context import GradingContext
from autograder.grading.notebook_pass import CPU, NotebookPass, passed
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.process.launcher import Launcher, LauncherError
from autograder.process.run_cells import CellRunner


@dataclass
class GradedSubmission:
    """The outputs of a submission's cells, by cell number, and the checks of each exercise, by its id."""

    cells: dict[int, CellRun]
    checks: dict[str, list[CheckRun]] = field(default_factory=dict)
    asked_again: list[str] = field(default_factory=list)
    """The exercises that did not pass on the GPU, so that their checks were asked again on the CPU."""
    refused_on_gpu: list[str] = field(default_factory=list)
    """The checks of devices that passed on the fake device and failed on the GPU."""


class SubmissionGrader:
    """Grades submissions, one after another, on the launcher's device.

    If that is a GPU, the cells see it, and the checks are asked with their data there. An exercise whose
    checks do not all pass there is graded once more, as on a machine without a GPU: in a pass of its own, in
    which the notebook runs again and sees none, and with the same limits. What those checks say counts, so
    neither rounding nor a mistake costs more on a GPU. A check that asks for the device is judged on the fake
    device, as everywhere; if the GPU refuses what that lets through, staff are told, and no grade changes.
    """

    def __init__(
        self, graders: CollectedGraders, launcher: Launcher, limits: TimeLimits, seed: int, student_seed: int
    ) -> None:
        self.graders = graders
        self.launcher = launcher
        self.limits = limits
        self.seed = seed
        self.student_seed = student_seed

    def grade(
        self,
        cells: list[CodeCell],
        exercises: list[Exercise],
        references: dict[str, ReferenceProxy],
        until_failure: bool = False,
    ) -> GradedSubmission:
        """Run the cells, then grade every exercise.

        With `until_failure`, an exercise's checks stop at the first that fails. If the fork server dies
        meanwhile, everything is repeated. Raises LauncherError if it dies twice.
        """
        grade = self._grade if self.launcher.device == CPU else self._grade_on_gpu
        for _ in range(2):
            deaths = self.launcher.deaths
            try:
                graded = grade(cells, exercises, references, until_failure)
            finally:
                self.launcher.kill_tree()
            if self.launcher.deaths == deaths:
                return graded
        raise LauncherError("the fork server died twice while grading this submission")

    def run_in_namespaces(
        self, cells: list[CodeCell], pairs: list[tuple[str, pytest.Item]], reference: ReferenceProxy
    ) -> list[CheckRun]:
        """Run the cells once, then each check against one of the namespaces that they bind; all on the CPU.

        A pair is the name of a namespace, a dict that the cells bind, and the check to run in it.
        """
        try:
            runner = self._runner(cells, gpu_hidden=True)
            process = runner.run().process
            runs: list[CheckRun] = []
            for names, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
                if process.serving:  # the previous namespace's code ended it
                    process = runner.run().process
                with process.answering(names) as proxy:
                    context = GradingContext(proxy, reference, self.seed)
                    runs += [self.graders.run_check(item, context) for _, item in group]
            return runs
        finally:
            self.launcher.kill_tree()

    def _grade(
        self,
        cells: list[CodeCell],
        exercises: list[Exercise],
        references: dict[str, ReferenceProxy],
        until_failure: bool,
    ) -> GradedSubmission:
        notebook = self._pass(cells, gpu_hidden=True)
        graded = GradedSubmission(notebook.cells)
        for exercise in exercises:
            graded.checks[exercise.id] = notebook.grade(exercise, references[exercise.id], until_failure)
        return graded

    def _grade_on_gpu(
        self,
        cells: list[CodeCell],
        exercises: list[Exercise],
        references: dict[str, ReferenceProxy],
        until_failure: bool,
    ) -> GradedSubmission:
        """Grade on the launcher's device and, what does not pass there, on the CPU."""
        notebook = self._pass(cells)
        graded = GradedSubmission(notebook.cells)
        for exercise in exercises:
            runs, refused = notebook.ask_on_gpu(exercise, references[exercise.id])
            graded.checks[exercise.id] = runs
            graded.refused_on_gpu += [f"{exercise.id}, {check}" for check in refused]
        again = [x for x in exercises if not all(map(passed, graded.checks[x.id]))]
        if again:
            graded.checks |= self._grade(cells, again, references, until_failure).checks
            graded.asked_again = [exercise.id for exercise in again]
        return graded

    def _pass(self, cells: list[CodeCell], gpu_hidden: bool = False) -> NotebookPass:
        return NotebookPass(self.graders, self._runner(cells, gpu_hidden), self.seed)

    def _runner(self, cells: list[CodeCell], gpu_hidden: bool = False) -> CellRunner:
        return CellRunner(self.launcher, cells, self.student_seed, self.limits, gpu_hidden)
