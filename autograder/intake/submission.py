"""One submitted notebook, ready to be graded: its cells, exercises and job for a worker."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.core import wording
from autograder.core.cells import savable
from autograder.core.errors import Unreadable
from autograder.core.records import CodeCell, Exercise, GradeJob, NotebookResult
from autograder.course.course import Course
from autograder.intake.notebook_file import notebook_data, tidy
from autograder.intake.skeleton import assemble, code_cells, read_skeleton, refuse_unrelated
from autograder.intake.submitted_files import submission_digest

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass
class Submission:
    """A notebook that can be graded."""

    path: str
    student: str | None
    name: str
    """The name of the released notebook, without .ipynb."""
    notebook: NotebookNode
    exercises: list[Exercise]
    cells: list[CodeCell]
    digest: str = ""
    """The SHA-256 of the submitted files; empty for a notebook that is no student's."""

    def job(self) -> GradeJob:
        """What a worker needs: every code cell, and the exercises not graded by a person."""
        return GradeJob(self.cells, [x for x in self.exercises if not x.written])


def open_submission(
    course: Course, path: Path, name: str | None = None, student: str | None = None
) -> Submission:
    """Read a notebook file and restore its released cells.

    `name` says which released notebook it is; by default the file's name does. Raises Unreadable.
    """
    name = name or path.stem
    if name not in course.notebooks:
        expected = ", ".join(f"{known}.ipynb" for known in course.notebooks)
        raise Unreadable(wording.misnamed(path.name, course.assignment, expected))
    submitted = notebook_data(path)
    digest = submission_digest(path) if student else ""
    return from_notebook(course, submitted, name, str(path), student, digest)


def from_notebook(
    course: Course,
    submitted: dict[str, Any],
    name: str,
    path: str,
    student: str | None,
    digest: str = "",
) -> Submission:
    """Like `open_submission`, but from a notebook that has already been read. Raises Unreadable."""
    skeleton = read_skeleton(course.release / f"{name}.ipynb")
    tidied = tidy(submitted, Path(path).name)
    refuse_unrelated(tidied, skeleton, course.names_of(name), Path(path).name)
    notebook = assemble(tidied, skeleton)
    exercises = [x for x in course.exercises.values() if x.notebook == name]
    return Submission(path, student, name, notebook, exercises, code_cells(notebook, skeleton), digest)


def unreadable_result(
    course: Course, path: Path, name: str, student: str | None, error: Exception
) -> NotebookResult:
    """The result of a file that cannot be graded."""
    max_score = sum(x.points for x in course.exercises.values() if x.notebook == name and not x.written)
    shown_path, shown_name, message = (savable(text) for text in (str(path), name, str(error)))
    return NotebookResult(shown_path, student, shown_name, "unreadable", message, 0.0, max_score, 0.0)
