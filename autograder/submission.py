"""One submitted notebook on its way: read and assembled, marked by a worker, and its result."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.assembly import (
    assemble,
    code_cells,
    fill,
    is_written,
    read_skeleton,
    refuse_stranger,
    tag_of,
)
from autograder.course import Course
from autograder.execution import Cell
from autograder.notebooks import Unreadable, notebook_data, savable, tidy
from autograder.records import Exercise, ExerciseResult, NotebookResult
from autograder.worker import Done, Job


@dataclass
class Submission:
    """A notebook that can be graded."""

    path: str
    student: str | None
    name: str
    notebook: NotebookNode
    exercises: list[Exercise]
    cells: list[Cell]
    digest: str = ""

    def job(self) -> Job:
        return Job(self.cells, [x for x in self.exercises if not x.written])


def open_submission(
    course: Course, path: Path, name: str | None = None, student: str | None = None
) -> Submission:
    """Read a file and put it on the released skeleton. Raises Unreadable with one sentence."""
    name = name or path.stem
    if name not in course.notebooks:
        expected = ", ".join(f"{known}.ipynb" for known in course.notebooks)
        raise Unreadable(
            f"{path.name} is not named like a notebook of {course.assignment} ({expected}): rename it"
            " and grade again."
        )
    submitted = notebook_data(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return from_notebook(course, submitted, name, str(path), student, digest)


def from_notebook(
    course: Course,
    submitted: dict[str, Any],
    name: str,
    path: str,
    student: str | None,
    digest: str = "",
) -> Submission:
    """The same for a notebook's JSON that has been read already (nbgrader hands over its own object)."""
    skeleton = read_skeleton(course.release / f"{name}.ipynb")
    tidied = tidy(submitted, Path(path).name)
    refuse_stranger(tidied, skeleton, course.names_of(name), Path(path).name)
    notebook = assemble(tidied, skeleton)
    exercises = [x for x in course.exercises.values() if x.notebook == name]
    return Submission(path, student, name, notebook, exercises, code_cells(notebook, skeleton), digest)


def finish(submission: Submission, done: Done) -> NotebookResult:
    """Add up the result and write outputs, scores and messages into the notebook."""
    automatic = {result.id: result for result in done.exercises}
    results = [
        written_result(submission.notebook, exercise) if exercise.written else automatic[exercise.id]
        for exercise in submission.exercises
        if exercise.written or exercise.id in automatic
    ]
    failed = bool(done.staff)
    if not failed:
        fill(submission.notebook, {cell.number: cell for cell in done.cells}, automatic)
    maximum = sum(x.points for x in submission.exercises if not x.written)
    score = sum(result.score or 0.0 for result in automatic.values())
    fault = f"No score is recorded; the fault is ours: {'; '.join(done.staff)}" if failed else None
    return NotebookResult(
        path=savable(submission.path),
        student=submission.student,
        notebook=submission.name,
        status="failed" if failed else "graded",
        message=fault or done.warning or None,
        score=0.0 if failed else round(score, 2),
        max_score=maximum,
        seconds=done.seconds,
        exercises=tuple(results),
    )


def unreadable(
    course: Course, path: Path, name: str, student: str | None, error: Exception
) -> NotebookResult:
    """The result of a file that cannot be graded."""
    maximum = sum(x.points for x in course.exercises.values() if x.notebook == name and not x.written)
    told = [savable(text) for text in (str(path), name, str(error))]
    return NotebookResult(told[0], student, told[1], "unreadable", told[2], 0.0, maximum, 0.0)


def written_result(notebook: NotebookNode, exercise: Exercise) -> ExerciseResult:
    """A written answer waits for a person; one that was left as it was is 0 without anyone's time."""
    from nbgrader.utils import compute_checksum  # nbgrader takes a second to import

    for cell in notebook.cells:
        tag = tag_of(cell)
        if is_written(cell) and tag.get("grade_id") == exercise.id:
            score = 0.0 if tag.get("checksum") == compute_checksum(cell) else None
            return ExerciseResult(exercise.id, score, exercise.points, "manual")
    return ExerciseResult(exercise.id, 0.0, exercise.points, "manual")
