"""Grade one submission after another: run, check, add up, diagnose."""

from __future__ import annotations

import gc
import time

import msgspec

from autograder.core.errors import CourseError
from autograder.core.records import CheckRun, Exercise, ExerciseResult, GradeJob, JobResult, WorkerConfig
from autograder.core.statuses import STATUSES
from autograder.course.course import Course
from autograder.grading.diagnosis import Diagnoser
from autograder.grading.draw import derived_seed
from autograder.grading.grade_submission import GradedSubmission, SubmissionGrader
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy, load_reference
from autograder.grading.scoring import exercise_result
from autograder.process.launcher import Launcher

UNSAFE = "Graded with --unsafe: this code could read every file of whoever graded it."


class WorkerService:
    """Does the jobs: marks, adds up, diagnoses."""

    def __init__(
        self, course: Course, start: WorkerConfig, graders: CollectedGraders, launcher: Launcher
    ) -> None:
        self.course = course
        self.graders = graders
        self.seed = start.seed
        self.warning = UNSAFE if start.unsafe and not launcher.capabilities.reads_blocked else ""
        student_seed = derived_seed(start.seed, "student")
        self.grader = SubmissionGrader(graders, launcher, course.settings.time, start.seed, student_seed)
        self._names: dict[str, dict[str, object]] = {}
        self._references: dict[str, ReferenceProxy] = {}
        self._diagnoser = Diagnoser(course, self.grader, self.reference) if start.diagnose else None
        gc.collect()
        gc.freeze()  # PyTorch and pytest stay for good: no later collection has to walk through them

    def reference(self, exercise: Exercise) -> ReferenceProxy:
        if exercise.id not in self._references:
            if exercise.notebook not in self._names:
                path = self.course.solution_file(exercise.notebook)
                self._names[exercise.notebook] = load_reference(path)
            self._references[exercise.id] = ReferenceProxy(self._names[exercise.notebook])
        return self._references[exercise.id]

    def grade(self, job: GradeJob) -> JobResult:
        """Never raises: a fault of ours is said in the answer and costs no student anything."""
        start = time.monotonic()
        try:
            done = self._grade(job)
        except CourseError as error:
            done = JobResult(internal_errors=[str(error)])
        except Exception as error:  # noqa: BLE001  the class goes on; this submission gets no score
            done = JobResult(internal_errors=[f"the grader failed: {type(error).__name__}: {error}"])
        done.seconds = round(time.monotonic() - start, 3)
        done.warning = self.warning
        return done

    def _grade(self, job: GradeJob) -> JobResult:
        references = {exercise.id: self.reference(exercise) for exercise in job.exercises}
        graded = self.grader.grade(job.cells, job.exercises, references, job.until_failure)
        diagnoser = None if job.until_failure else self._diagnoser
        results = [_result(exercise, graded.checks[exercise.id], diagnoser) for exercise in job.exercises]
        return JobResult(list(graded.cells.values()), results, 0.0, _internal(graded))


def _result(exercise: Exercise, runs: list[CheckRun], diagnoser: Diagnoser | None) -> ExerciseResult:
    result = exercise_result(exercise, runs)
    if diagnoser is None or not STATUSES[result.status].diagnosed:
        return result
    return msgspec.structs.replace(result, diagnosis=diagnoser.diagnose(exercise, runs))


def _internal(graded: GradedSubmission) -> list[str]:
    """One sentence for each check that failed by our own fault, and for each exercise without a verdict."""
    sentences = []
    for exercise, runs in graded.checks.items():
        faults = [f"{exercise}, {run.result.name}: {run.detail}" for run in runs if run.fault == "internal"]
        sentences += faults
        if not faults and all(run.result.passed is None for run in runs):
            sentences.append(f"{exercise}: its hidden grader has no check that could be made")
    return sentences
