"""A worker: one process with the collected graders, the references and a warm process of its own.

`autograder grade` starts several and hands each one submission after another. A worker holds no
gradebook; it gets cells and gives back outputs and results.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
from pathlib import Path

import msgspec
import torch

from autograder.course import Course
from autograder.diagnosis import Diagnoser
from autograder.draw import derived_seed
from autograder.errors import CourseError
from autograder.execution import Cell, CellRun
from autograder.grading import Bench, with_graders
from autograder.handover import handed_socket
from autograder.marking import Marked, Marker, ReferenceSide, load_reference
from autograder.nurseries import Nursery, nursery_for
from autograder.records import CheckRun, Exercise, ExerciseResult, exercise_result
from autograder.sandbox import SLOTS, Form, SandboxError, probe
from autograder.wire import Channel, Closed

UNSAFE = "Graded with --unsafe: this code could read every file of whoever graded it."


class Start(msgspec.Struct):
    """What a worker has to know."""

    root: str
    assignment: str
    seed: int
    device: str
    diagnose: bool
    slots: tuple[int, int] = (0, 1)
    """The first of the slots whose uids its students take in turn, and the step to the next: no two workers
    share one, so that what one submission does under its uid is nothing to another."""
    unsafe: bool = False
    """Whether to work where a student's code can read every file."""
    core: int = -1
    """The processor to stay on, or -1: question and answer cost less where they need not wake another."""


class Job(msgspec.Struct):
    """One submission's code cells, and the exercises to grade."""

    cells: list[Cell]
    exercises: list[Exercise]
    until_failure: bool = False
    """Whether the first failed check is enough: the other ones are not asked then."""


class Done(msgspec.Struct):
    """What came of a job; `staff` names faults of ours, one sentence each."""

    cells: list[CellRun] = []
    exercises: list[ExerciseResult] = []
    seconds: float = 0.0
    staff: list[str] = []
    warning: str = ""
    """What whoever reads the result should know of how it came about."""


class Desk:
    """Does the jobs: marks, adds up, diagnoses."""

    def __init__(self, course: Course, start: Start, bench: Bench, nursery: Nursery) -> None:
        self.course = course
        self.bench = bench
        self.seed = start.seed
        self.warning = UNSAFE if start.unsafe and not nursery.form.reads_blocked else ""
        student_seed = derived_seed(start.seed, "student")
        self.marker = Marker(bench, nursery, course.settings.time, start.seed, student_seed)
        self._names: dict[str, dict[str, object]] = {}
        self._references: dict[str, ReferenceSide] = {}
        self._diagnoser = Diagnoser(course, self.marker, self.reference) if start.diagnose else None
        gc.collect()
        gc.freeze()  # PyTorch and pytest stay for good: no later collection has to walk through them

    def reference(self, exercise: Exercise) -> ReferenceSide:
        if exercise.id not in self._references:
            if exercise.notebook not in self._names:
                path = self.course.solution_file(exercise.notebook)
                self._names[exercise.notebook] = load_reference(path)
            self._references[exercise.id] = ReferenceSide(self._names[exercise.notebook])
        return self._references[exercise.id]

    def do(self, job: Job) -> Done:
        """Never raises: a fault of ours is said in the answer and costs no student anything."""
        start = time.monotonic()
        try:
            done = self._do(job)
        except CourseError as error:
            done = Done(staff=[str(error)])
        except Exception as error:  # noqa: BLE001  the class goes on; this submission gets no score
            done = Done(staff=[f"the grader failed: {type(error).__name__}: {error}"])
        done.seconds = round(time.monotonic() - start, 3)
        done.warning = self.warning
        return done

    def _do(self, job: Job) -> Done:
        references = {exercise.id: self.reference(exercise) for exercise in job.exercises}
        marked = self.marker.mark(job.cells, job.exercises, references, job.until_failure)
        diagnoser = None if job.until_failure else self._diagnoser
        results = [_result(exercise, marked.checks[exercise.id], diagnoser) for exercise in job.exercises]
        return Done(list(marked.cells.values()), results, 0.0, _internal(marked))


def _result(exercise: Exercise, runs: list[CheckRun], diagnoser: Diagnoser | None) -> ExerciseResult:
    result = exercise_result(exercise, runs)
    if diagnoser is None or result.status not in ("wrong", "partial", "raised"):
        return result
    return msgspec.structs.replace(result, diagnosis=diagnoser.diagnose(exercise, runs))


def _internal(marked: Marked) -> list[str]:
    """One sentence for each check that failed by our own fault, and for each exercise without a verdict."""
    sentences = []
    for exercise, runs in marked.checks.items():
        faults = [f"{exercise}, {run.result.name}: {run.staff}" for run in runs if run.fault == "internal"]
        sentences += faults
        if not faults and all(run.result.passed is None for run in runs):
            sentences.append(f"{exercise}: its hidden grader has no check that could be made")
    return sentences


def serve(channel: Channel, start: Start) -> None:
    """Work until the one who started this worker hangs up; a trouble at the start is one sentence."""
    try:
        _serve(channel, start)
    except (CourseError, SandboxError) as error:
        with contextlib.suppress(Closed):
            channel.send(f"error: {error}")


def _form(course: Course, unsafe: bool) -> Form:
    """The walls of this machine; CourseError where they are too few."""
    form = probe() if course.settings.namespaces else probe().without_namespaces()
    if not form.reads_blocked and not unsafe:
        why = f"there are neither namespaces ({form.why}) nor Landlock" if form.linux else "this is not Linux"
        raise CourseError(
            "here submissions could read every file that you can read, hidden tests and other submissions"
            f" among them, since {why}: grade in a Linux container or on a machine that has one of them, or,"
            " if you trust everyone who handed in, with --unsafe."
        )
    return form


def _serve(channel: Channel, start: Start) -> None:
    if start.core >= 0 and sys.platform == "linux":
        os.sched_setaffinity(0, {start.core})
    course = Course(Path(start.root), start.assignment)
    if start.device == "cuda" and not torch.cuda.is_available():
        raise CourseError("PyTorch finds no CUDA device on this machine: grade with --device cpu.")
    form = _form(course, start.unsafe)
    slots = range(start.slots[0], SLOTS, start.slots[1])
    with nursery_for(course.settings.memory, start.device, form, course.materials, slots) as nursery:
        nursery.start()  # its imports take seconds, which collecting the graders overlaps
        torch.set_num_threads(1)

        def work(bench: Bench) -> None:
            desk = Desk(course, start, bench, nursery)
            nursery.wait()
            channel.send(nursery.form.sentence)
            while True:
                try:
                    channel.send(desk.do(channel.receive(Job)))
                except Closed:
                    return

        with_graders(course.graders, work)


def main() -> None:
    channel = Channel(handed_socket(sys.argv[1]), max_frame=2**30)
    os.chdir("/")
    serve(channel, channel.receive(Start))


if __name__ == "__main__":
    main()
