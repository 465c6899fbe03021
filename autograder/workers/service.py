"""The work of one worker: grade a submission, score its exercises and diagnose misconceptions."""

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

UNSAFE = "Graded with --unsafe: the submission could read every file of the person who graded it."


class WorkerService:
    """Does one job after another and keeps what they share: the references and the runs of buggy samples."""

    def __init__(
        self, course: Course, config: WorkerConfig, graders: CollectedGraders, launcher: Launcher
    ) -> None:
        self.course = course
        self.graders = graders
        self.launcher = launcher
        self.seed = config.seed
        self.card_bytes = config.card_bytes
        self.warning = UNSAFE if config.unsafe and not launcher.capabilities.reads_blocked else ""
        student_seed = derived_seed(config.seed, "student")
        self.grader = SubmissionGrader(graders, launcher, course.settings.time, config.seed, student_seed)
        self._names: dict[str, dict[str, object]] = {}
        self._references: dict[str, ReferenceProxy] = {}
        self._diagnoser = Diagnoser(course, self.grader, self.reference) if config.diagnose else None
        gc.collect()
        gc.freeze()  # PyTorch and pytest stay loaded: later collections need not traverse them

    def reference(self, exercise: Exercise) -> ReferenceProxy:
        """The exercise's reference solution; its cached answers are shared by all submissions."""
        if exercise.id not in self._references:
            if exercise.notebook not in self._names:
                path = self.course.solution_file(exercise.notebook)
                self._names[exercise.notebook] = load_reference(path)
            self._references[exercise.id] = ReferenceProxy(self._names[exercise.notebook])
        return self._references[exercise.id]

    def grade(self, job: GradeJob) -> JobResult:
        """Grade one submission. Never raises: an error in the grader goes into `internal_errors`."""
        start = time.monotonic()
        try:
            result = self._grade(job)
        except CourseError as error:
            result = JobResult(internal_errors=[str(error)])
        except Exception as error:  # noqa: BLE001  only this submission fails, not the whole class
            result = JobResult(internal_errors=[f"the grader failed: {type(error).__name__}: {error}"])
        result.seconds = round(time.monotonic() - start, 3)
        warnings = dict.fromkeys(self.launcher.warnings)  # each of a submission's processes may leave one
        result.warning = " ".join(filter(None, (self.warning, result.warning, *warnings)))
        return result

    def _grade(self, job: GradeJob) -> JobResult:
        references = {exercise.id: self.reference(exercise) for exercise in job.exercises}
        self.launcher.start_submission(job.files, self._device_bytes(job))
        try:
            graded = self.grader.grade(job.cells, job.exercises, references, job.until_failure)
        finally:
            self.launcher.files = ()
        on_card = self.launcher.device == "cuda"
        filled, peak = on_card and self.launcher.device_memory, self.launcher.device_peak
        diagnoser = None if job.until_failure else self._diagnoser
        results = [_result(exercise, graded.checks[exercise.id], diagnoser) for exercise in job.exercises]
        return JobResult(
            list(graded.cells.values()), results, 0.0, _internal_errors(graded),
            device_memory=filled, device_peak=peak, asked_again=graded.asked_again,
            warning=_refused_on_gpu(graded),
        )  # fmt: skip

    def _device_bytes(self, job: GradeJob) -> int:
        """How much of the card's memory the submission may use."""
        shared = self.course.settings.memory.device_bytes
        return self.card_bytes or shared if job.alone else shared


def _result(exercise: Exercise, runs: list[CheckRun], diagnoser: Diagnoser | None) -> ExerciseResult:
    result = exercise_result(exercise, runs)
    if diagnoser is None or not STATUSES[result.status].diagnosed:
        return result
    return msgspec.structs.replace(result, diagnosis=diagnoser.diagnose(exercise, runs))


def _refused_on_gpu(graded: GradedSubmission) -> str:
    """What staff should report to whoever wrote the grader, or an empty string."""
    if not graded.refused_on_gpu:
        return ""
    checks = "; ".join(graded.refused_on_gpu)
    return f"The GPU refused what the fake device let through; no points changed: {checks}."


def _internal_errors(graded: GradedSubmission) -> list[str]:
    """One sentence for each check with an internal error, and for each exercise without any verdict."""
    sentences = []
    for exercise, runs in graded.checks.items():
        errors = [f"{exercise}, {run.result.name}: {run.detail}" for run in runs if run.fault == "internal"]
        sentences += errors
        if not errors and all(run.result.passed is None for run in runs):
            sentences.append(f"{exercise}: no check of its hidden grader gave a verdict")
    return sentences
