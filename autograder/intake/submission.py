"""One submitted notebook, ready to be graded: its cells, exercises and job for a worker."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.core import file_wording
from autograder.core.cells import savable
from autograder.core.errors import Unreadable
from autograder.core.records import CodeCell, Exercise, GradeJob, NotebookResult, total
from autograder.core.statuses import NotebookStatus
from autograder.course.course import Course
from autograder.intake.beside import NOTHING, Beside
from autograder.intake.file_choice import Chosen, read_file, renaming
from autograder.intake.misplaced_answers import copy_answers_from_tests, turn_answers_into_code
from autograder.intake.notebook_file import notebook_data, tidy
from autograder.intake.recognition import refuse_unrelated
from autograder.intake.skeleton import assemble, code_cells, read_skeleton

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
    """The SHA-256 of the submitted file, or of it, its note and the files beside it."""
    note: str = ""
    """What people should know about how this file was recognized and chosen, or an empty string."""
    beside: Beside = NOTHING

    def job(self) -> GradeJob:
        """What a worker needs: every code cell, the exercises not graded by a person, the files.

        Raises Unreadable if a file has changed since the submission was opened.
        """
        exercises = [x for x in self.exercises if not x.written]
        return GradeJob(self.cells, exercises, files=self.beside.read())


def open_submission(
    course: Course,
    path: Path,
    name: str | None = None,
    student: str | None = None,
    beside: Beside = NOTHING,
) -> Submission:
    """Read a notebook file and restore its released cells.

    `name` says which released notebook it is; by default its cells do. Raises Unreadable.
    """
    if name is None:
        return open_file(course, path, student, beside)[0]
    data = notebook_data(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return from_notebook(course, data, name, str(path), student, digest, recognized=True, beside=beside)


def open_file(
    course: Course, path: Path, student: str | None = None, beside: Beside = NOTHING
) -> list[Submission]:
    """A submission for each notebook of the assignment that the file holds. Raises Unreadable."""
    file = read_file(course, path)
    held = file.recognized.names
    note = " ".join(renaming(file, held))
    return [open_chosen(course, Chosen(name, file, note), student, beside) for name in held]


def open_chosen(course: Course, chosen: Chosen, student: str | None, beside: Beside = NOTHING) -> Submission:
    """The submission of a file that has been read and chosen. Raises Unreadable."""
    file, note = chosen.file, chosen.note
    digest = hashlib.sha256((file.digest + note).encode()).hexdigest() if note else file.digest
    return from_notebook(
        course, file.data, chosen.name, str(file.path), student, digest, note, recognized=True, beside=beside
    )


def from_notebook(
    course: Course,
    submitted: dict[str, Any],
    name: str,
    path: str,
    student: str | None,
    digest: str = "",
    note: str = "",
    recognized: bool = False,
    beside: Beside = NOTHING,
) -> Submission:
    """Like `open_submission`, but from a notebook that has already been read. Raises Unreadable.

    `recognized`: whether it is known to be this notebook, so that it may have nothing in common with it.
    """
    digest = beside.digest(digest)
    skeleton = read_skeleton(course.release / f"{name}.ipynb")
    tidied = tidy(submitted, Path(path).name)
    if not recognized:
        refuse_unrelated(course, tidied, name, Path(path).name)
    asked = course.asked_names(name)
    turn_answers_into_code(tidied, skeleton, asked)
    copy_answers_from_tests(tidied, skeleton, asked)
    notebook = assemble(tidied, skeleton)
    exercises = [x for x in course.exercises.values() if x.notebook == name]
    cells = code_cells(notebook, skeleton, asked)
    return Submission(path, student, name, notebook, exercises, cells, digest, note, beside)


def unreadable_result(
    course: Course, path: Path, name: str, student: str | None, error: Exception
) -> NotebookResult:
    """The result of a file that cannot be graded: because of its contents or, if `error` is not Unreadable,
    because of a mistake in this program.
    """
    max_score = total(x.points for x in course.exercises.values() if x.notebook == name and not x.written)
    readable = not isinstance(error, Unreadable)
    said = file_wording.reader_failed(path.name, error) if readable else str(error)
    shown_path, shown_name, message = (savable(text) for text in (str(path), name, said))
    status: NotebookStatus = "failed" if readable else "unreadable"
    return NotebookResult(shown_path, student, shown_name, status, message, None, max_score, 0.0)
