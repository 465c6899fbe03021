"""What a class has been given: the gradebook's rows and the notebooks in autograded/."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import nbformat

from autograder.core.cells import savable
from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.gradebook.writer import GradebookWriter
from autograder.intake.students import TIMESTAMP, Graded, Student
from autograder.intake.submission import Submission

CARRIED = (TIMESTAMP, "submission_secret.txt")
"""Files that `nbgrader release_feedback` looks for beside the graded notebooks."""


class ClassRecord:
    """Finds what was graded before, and keeps what is finished whatever happens next."""

    def __init__(self, course: Course, gradebook: GradebookWriter) -> None:
        self.course = course
        self.gradebook = gradebook

    def find(self, submission: Submission) -> Graded | None:
        """The result and notebook of this very file, if it has been graded and recorded before."""
        assert submission.student is not None
        if not self.gradebook.knows(submission.student):
            return None
        try:
            notebook = nbformat.read(self._path(submission.student, submission.name), as_version=4)
            kept = notebook.metadata["autograder"]
            if kept["submission"] != submission.digest:
                return None
            return msgspec.convert(kept["result"], NotebookResult), notebook
        except (OSError, KeyError, TypeError, ValueError, nbformat.reader.NotJSONError):
            return None

    def save(self, student: Student) -> None:
        """Gradebook first, files after: if grading dies in between, the student is graded again."""
        misnamed = student.misnamed(self.course)
        if misnamed:  # one of these may be the notebook that seems to be missing: it does not get 0
            student.notebooks = dict.fromkeys(self.course.notebooks) | student.notebooks
        known = TIMESTAMP not in misnamed and student.name == savable(student.name)
        if student.files and known:
            self.gradebook.save(student.name, student.timestamp(), student.notebooks)
        for submission, result in student.finished:
            self._write(submission, result)

    def _path(self, student: str, notebook: str) -> Path:
        return self.course.root / "autograded" / student / self.course.assignment / f"{notebook}.ipynb"

    def _write(self, submission: Submission, result: NotebookResult) -> None:
        """Write the graded notebook, whole or not at all."""
        assert submission.student is not None
        path = self._path(submission.student, submission.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        submission.notebook.metadata["autograder"] = {
            "submission": submission.digest,
            "result": msgspec.to_builtins(result),
        }
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            nbformat.write(submission.notebook, fresh)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from None
        fresh.replace(path)
        for name in CARRIED:
            handed_in = Path(submission.path).with_name(name)
            if handed_in.is_file() and not handed_in.is_symlink():
                copy = path.parent / name
                copy.unlink(missing_ok=True)  # `nbgrader autograde` leaves a read-only one
                copy.write_bytes(handed_in.read_bytes())
