"""Write results into nbgrader's gradebook, as nbgrader's own SaveAutoGrades would.

Each student is one transaction: if grading dies, a student is recorded in full or not at all.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook, InvalidEntry, MissingEntry
from nbgrader.utils import compute_checksum, determine_grade, is_task
from sqlalchemy.exc import SQLAlchemyError
from tornado.log import app_log

from autograder.core import wording
from autograder.core.cells import tag_of
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.feedback.graded_notebook import unscored
from autograder.gradebook.graded_cells import refuse_outdated_gradebook
from autograder.nbgrader_glue.config import course_config, database_url, put_tools_on_path


class GradebookWriter:
    """Keeps the gradebook open for a run. Every method raises CourseError if it cannot be used."""

    def __init__(self, root: Path, assignment: str) -> None:
        put_tools_on_path()
        app_log.addFilter(_is_not_rollback)
        self.assignment = assignment
        course_id = str(course_config(root).CourseDirectory.get("course_id", ""))
        url = database_url(root)
        file = url.removeprefix("sqlite:///").removeprefix("file:").split("?")[0]
        if url.startswith("sqlite:///") and not Path(file).exists():
            raise CourseError(f"{file} is missing: run `autograder release`.")
        try:
            self._book = Gradebook(url, course_id)
            self._book.find_assignment(assignment)
        except MissingEntry:
            raise CourseError(
                f"the gradebook does not contain {assignment}: run `autograder release`."
            ) from None
        except SQLAlchemyError as error:
            raise _write_error(error) from None
        # nbgrader's own functions commit row by row; here they all go into the student's transaction.
        self._commit = self._book.db.commit
        self._book.db.commit = self._book.db.flush

    def refuse_outdated(self, course: Course) -> None:
        """Raise CourseError unless the gradebook has the graded cells and points of source/."""
        try:
            refuse_outdated_gradebook(self._book, course)
        except SQLAlchemyError as error:
            raise _write_error(error) from None

    def knows(self, student: str) -> bool:
        """Whether the gradebook has a submission by this student; a new gradebook has none."""
        try:
            self._book.find_submission(self.assignment, student)
        except MissingEntry:
            return False
        except SQLAlchemyError as error:
            raise _write_error(error) from None
        return True

    def save(self, student: str, timestamp: str | None, notebooks: Mapping[str, NotebookNode | None]) -> None:
        """Record a student's notebooks; None stands for one that could not be graded.

        A notebook that was not submitted scores 0, as in nbgrader.
        """
        try:
            self._book.update_or_create_student(student)
            when: dict[str, Any] = {"timestamp": timestamp} if timestamp else {}
            submission = self._book.update_or_create_submission(self.assignment, student, **when)
            for part in submission.notebooks:
                if part.name in notebooks:
                    _record(part, notebooks[part.name])
                else:
                    _record_missing(part)
            self._commit()
        except (SQLAlchemyError, InvalidEntry) as error:  # nbgrader raises both for database errors
            self._book.db.rollback()
            raise _write_error(error) from None
        except BaseException:
            self._book.db.rollback()
            raise

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._book.close()


def _record(part: Any, notebook: NotebookNode | None) -> None:
    """Set the automatic scores and comments; keep manual grades, and flag them for another look."""
    if notebook is None:
        for grade in part.grades:
            if grade.auto_score is None:
                grade.needs_manual_grade = True
        return
    for grade_id in unscored(notebook):
        raise CourseError(
            f"{part.name}, cell {grade_id}, was not graded, and nbgrader would give it full marks: grade it"
            " again with --force."
        )
    cells = {tag_of(cell).get("grade_id"): cell for cell in notebook.cells}
    for grade in part.grades:
        score, _ = determine_grade(cells[grade.name])
        grade.auto_score = score
        grade.needs_manual_grade = grade.manual_score is not None or score is None
    for comment in part.comments:
        cell = cells.get(comment.name)
        untouched = cell is None or (
            tag_of(cell).get("checksum") == compute_checksum(cell) and not is_task(cell)
        )
        comment.auto_comment = wording.NO_RESPONSE if untouched else None


def _record_missing(part: Any) -> None:
    for grade in part.grades:
        grade.auto_score = 0
        grade.needs_manual_grade = False


def _is_not_rollback(record: logging.LogRecord) -> bool:
    """nbgrader logs the traceback of a database error; `_write_error` says it in one sentence."""
    return not str(record.msg).startswith("Rolling back session")


def _write_error(error: Exception) -> CourseError:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    reason = re.sub(r"^\([\w.]+\) ", "", reason)  # the driver's exception class
    return CourseError(
        f"the gradebook cannot be written ({reason}): fix this and run the same command again. Students"
        " recorded so far are kept."
    )
