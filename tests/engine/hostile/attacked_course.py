"""Grade a hostile notebook, then an honest one, and check what must hold for every hostile notebook."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec

from autograder.core.records import CodeCell, GradeJob, JobResult
from autograder.course.course import Course
from autograder.workers.worker_process import WorkerProcess
from tests.engine.hostile.cheats import EXERCISES
from tests.engine.support.scratch_course import SECRET, guarded

PART = "part1_neurons"
SECONDS = 100.0


class AttackedCourse(NamedTuple):
    """A course with a worker, and an honest notebook with the outcome that it must always get."""

    course: Course
    worker: WorkerProcess
    honest_job: GradeJob
    honest_outcome: dict[str, Any]

    def grade_honest(self) -> None:
        """Grade the honest notebook and check that nothing has changed for it."""
        assert outcome(self.worker.grade(self.honest_job)) == self.honest_outcome

    def grade_hostile(self, *sources: str, exercises: Sequence[str] = EXERCISES) -> JobResult:
        """Grade a notebook of these cells, then the honest one.

        Checks that it gains no points, that the honest one is unaffected, and that no secret gets out.
        """
        with guarded(self.worker, SECONDS):
            result = self.worker.grade(job(self.course, exercises, *sources))
            self.grade_honest()
        shown = shown_to_student(result)
        assert "NameError" not in shown, "the attack itself is broken"
        for exercise in result.exercises:
            assert not exercise.score, (exercise.id, exercise.score)
            assert exercise.status != "passed"
        assert [x.id for x in result.exercises] == list(exercises)
        assert str(SECRET) not in msgspec.json.encode(result).decode()
        assert [line for line in secret_lines(self.course) if line in shown] == []
        return result


def job(course: Course, exercises: Sequence[str], *sources: str) -> GradeJob:
    """The job of grading these exercises in a notebook of these cells."""
    cells = [CodeCell(number, source) for number, source in enumerate(sources)]
    return GradeJob(cells, [course.exercises[name] for name in exercises])


def outcome(result: JobResult) -> dict[str, Any]:
    """Everything in a result except the time that it took."""
    found: dict[str, Any] = msgspec.to_builtins(result)
    return {name: value for name, value in found.items() if name != "seconds"}


def shown_to_student(result: JobResult) -> str:
    """All text that the student sees, except the checks' own sentences and hints."""
    outputs = [
        text
        for cell in result.cells
        for x in cell.outputs
        for text in (x.text, x.evalue, *x.traceback, *x.data.values())
    ]
    details = [
        line
        for exercise in result.exercises
        for check in exercise.checks
        for line in check.message.splitlines()[1:]
    ]
    return "\n".join([*outputs, *details])


@cache
def secret_lines(course: Course) -> list[str]:
    """Long lines of graders, samples and solutions that are in no released file, shortest first."""
    released = "".join(path.read_text() for path in course.release.glob("*.ipynb"))
    files = [course.solutions / f"{PART}.py"]
    for name in EXERCISES:
        files += [course.graders / name / file for file in (f"test_{name}.py", "chaffs.py")]
    lines = {line.strip() for path in files for line in path.read_text().splitlines()}
    return sorted((x for x in lines if len(x) > 34 and x not in released and "import " not in x), key=len)
