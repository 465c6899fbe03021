"""What nbgrader has no setting for is replaced in place, for every command that loads nbgrader_config.py.

- Autograde and GenerateFeedback keep a student's old files until the new ones are complete.
- Autograde changes nothing that was graded by hand in a notebook that is missing now.
- A student's id is a name, never a pattern.
- timestamp.txt means the same time as for `autograder grade`.
- An extension without a due date is no error.
- A gradebook that cannot be used is one sentence, and no traceback.
- `nbgrader validate` names a file that does not exist.
"""

from __future__ import annotations

import sys
import traceback
from datetime import datetime, timedelta
from glob import escape, glob
from pathlib import Path
from typing import Any

import nbgrader.apps.api
import nbgrader.apps.autogradeapp
import nbgrader.apps.generatefeedbackapp
from nbgrader.api import Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.apps import NbGraderApp, ValidateApp
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SQLAlchemyError

from autograder.core.errors import Unreadable
from autograder.feedback.page_exporter import Feedback
from autograder.gradebook.manual_grades import read_graded
from autograder.gradebook.writer import record_ungraded
from autograder.intake.timestamps import read_timestamp
from autograder.nbgrader_glue.converters import KeepsOldFiles
from autograder.nbgrader_glue.literal_names import take_names_literally
from autograder.nbgrader_glue.open_gradebook import unusable
from autograder.nbgrader_plugins.names import missing_notebooks, refuse_misnamed
from autograder.workers.shared_worker import shared_worker_for


class KeepingAutograde(KeepsOldFiles, Autograde):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's Autograde, which keeps graded notebooks until the new ones are written."""

    output = "autograded_directory"

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Prepare a student's files and rows.

        nbgrader gives a missing notebook 0, but forgets which of its manual grades wait for another look, and
        leaves the late penalty that it had. If it may be missing because its file has another name, nothing
        is recorded at all.
        """
        self._refuse_misnamed(assignment_id, student_id)
        present = {Path(notebook).stem for notebook in self.notebooks}
        waiting = self._waiting(assignment_id, student_id)
        super().init_assignment(assignment_id, student_id)
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            for part in book.find_submission(assignment_id, student_id).notebooks:
                if part.name not in present:
                    part.late_submission_penalty = None
                    for grade in part.grades:
                        grade.needs_manual_grade = (part.name, grade.name) in waiting
            book.db.commit()

    def _refuse_misnamed(self, assignment_id: str, student_id: str) -> None:
        course = shared_worker_for(Path(self.coursedir.root), assignment_id).course
        folder = Path(self._format_source(assignment_id, student_id))
        try:
            refuse_misnamed(course, folder)
        except Unreadable:
            with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
                for part in _parts(book, assignment_id, student_id):
                    if part.name in missing_notebooks(course, folder):
                        kept = self.kept(assignment_id, student_id) / f"{part.name}.ipynb"
                        record_ungraded(part, read_graded(kept))
                book.db.commit()
            raise

    def _waiting(self, assignment_id: str, student_id: str) -> set[tuple[str, str]]:
        """The notebooks and cells that were graded by hand and wait for another look."""
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as book:
            return {
                (part.name, grade.name)
                for part in _parts(book, assignment_id, student_id)
                for grade in part.grades
                if grade.manual_score is not None and grade.needs_manual_grade
            }


def _parts(book: Gradebook, assignment_id: str, student_id: str) -> list[Any]:
    """The rows of a student's notebooks; none if nothing of this student's has been recorded."""
    try:
        return list(book.find_submission(assignment_id, student_id).notebooks)
    except MissingEntry:
        return []


def _existing_timestamp(course: CourseDirectory, folder: str) -> datetime | None:
    return read_timestamp(Path(folder) / "timestamp.txt", Path(course.root))


def _duedate(submission: SubmittedAssignment) -> datetime | None:
    """nbgrader's property, which fails if a student has an extension of a due date that was taken back."""
    due: datetime | None = submission.assignment.duedate
    return due + (submission.extension or timedelta(0)) if due else None


_start = NbGraderApp.start


def _start_in_words(app: NbGraderApp) -> None:
    """NbGraderApp.start; SQLAlchemy's errors, and its search for a database's driver, end in one sentence."""
    try:
        _start(app)
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        if "sqlalchemy" not in traceback.extract_tb(error.__traceback__)[-1].filename:
            raise
        print(f"nbgrader: {unusable(error)}", file=sys.stderr)
        sys.exit(1)


_validate = ValidateApp.start


def _validate_what_exists(app: ValidateApp) -> None:
    """ValidateApp.start, which passes over a name that matches no file, as if it were valid.

    A file's own name is never a pattern.
    """
    app.extra_args = [escape(name) if Path(name).exists() else name for name in app.extra_args]
    for name in app.extra_args:
        if not glob(name):
            app.fail(f"There is no file {name}: correct its name. Nothing was validated.")
    _validate(app)


def replace() -> None:
    take_names_literally()
    ValidateApp.start = _validate_what_exists
    NbGraderApp.start = _start_in_words
    SubmittedAssignment.duedate = property(_duedate)
    CourseDirectory.get_existing_timestamp = _existing_timestamp
    for module in (nbgrader.apps.api, nbgrader.apps.autogradeapp):
        module.Autograde = KeepingAutograde
    for module in (nbgrader.apps.api, nbgrader.apps.generatefeedbackapp):
        module.GenerateFeedback = Feedback
