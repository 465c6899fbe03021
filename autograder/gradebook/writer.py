"""Write results into nbgrader's gradebook, as nbgrader's own SaveAutoGrades would.

Each student is one transaction: if grading dies, a student is recorded in full or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import InvalidEntry, MissingEntry
from nbgrader.utils import compute_checksum, determine_grade, is_task
from sqlalchemy.exc import SQLAlchemyError

from autograder.core import wording
from autograder.core.cells import tag_of
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.feedback.graded_notebook import unscored
from autograder.gradebook.graded_cells import refuse_outdated_gradebook
from autograder.gradebook.late_penalties import LatePenalties
from autograder.gradebook.manual_grades import answers, needs_a_person
from autograder.nbgrader_glue.config import course_config
from autograder.nbgrader_glue.open_gradebook import open_gradebook, reason, submitters

Notebooks = Mapping[str, NotebookNode | None]


class GradebookWriter:
    """Keeps the gradebook open for a run. Every method raises CourseError if it cannot be used."""

    def __init__(self, root: Path, assignment: str) -> None:
        self.assignment = assignment
        self._penalties = LatePenalties(course_config(root))
        self._book = open_gradebook(root, assignment)
        # nbgrader's own functions commit row by row; here they all go into the student's transaction.
        self._commit = self._book.db.commit
        self._book.db.commit = self._book.db.flush

    def refuse_outdated(self, course: Course) -> None:
        """Raise CourseError unless the gradebook has the graded cells and points of source/."""
        try:
            refuse_outdated_gradebook(self._book, course)
        except SQLAlchemyError as error:
            raise _write_error(error) from None

    def submitters(self) -> set[str]:
        """The ids of the students with a submission in the gradebook."""
        try:
            return submitters(self._book, self.assignment)
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

    def save(self, student: str, timestamp: datetime | None, notebooks: Notebooks, before: Notebooks) -> None:
        """Record a student's notebooks; None stands for one that could not be graded.

        `before` has the graded notebooks from the last time. `timestamp` is in UTC; without one, the
        gradebook keeps what it has. A notebook that was not submitted scores 0, as in nbgrader.
        """
        try:
            self._book.update_or_create_student(student)
            when: dict[str, Any] = {"timestamp": timestamp} if timestamp else {}
            submission = self._book.update_or_create_submission(self.assignment, student, **when)
            late = _seconds_late(submission)
            for part in submission.notebooks:
                submitted = part.name in notebooks
                if submitted:
                    _record(part, notebooks[part.name], before.get(part.name))
                else:
                    _record_missing(part)
                self._penalize(student, part, late if submitted else 0)
            self._commit()
        except (SQLAlchemyError, InvalidEntry) as error:  # nbgrader raises both for database errors
            self._book.db.rollback()
            raise _write_error(error) from None
        except BaseException:
            self._book.db.rollback()
            raise

    def _penalize(self, student: str, part: Any, seconds_late: float) -> None:
        if seconds_late > 0:
            self._book.db.flush()
            self._book.db.refresh(part, ["score"])  # the database adds up the grades
        penalty = self._penalties.penalty(student, part, seconds_late)
        if part.late_submission_penalty != penalty:
            part.late_submission_penalty = penalty

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._book.close()


def _seconds_late(submission: Any) -> float:
    """Like nbgrader's, which fails if there is an extension but no due date."""
    return 0.0 if submission.assignment.duedate is None else float(submission.total_seconds_late)


def _record(part: Any, notebook: NotebookNode | None, before: NotebookNode | None) -> None:
    """Set the automatic scores and comments; what was graded by hand stays, and is flagged if it changed."""
    if notebook is None:
        record_ungraded(part, before)
        return
    for grade_id in unscored(notebook):
        raise CourseError(
            f"{part.name}, cell {grade_id}, was not graded, and nbgrader would give it full marks: grade it"
            " again with --force."
        )
    cells = {tag_of(cell).get("grade_id"): cell for cell in notebook.cells}
    texts, old_texts = answers(notebook), answers(before) if before else None
    for grade in part.grades:
        score, _ = determine_grade(cells[grade.name])
        grade.needs_manual_grade = needs_a_person(grade, score, texts.get(grade.name), old_texts)
        grade.auto_score = score
    for comment in part.comments:
        cell = cells.get(comment.name)
        untouched = cell is None or (
            tag_of(cell).get("checksum") == compute_checksum(cell) and not is_task(cell)
        )
        comment.auto_comment = wording.NO_RESPONSE if untouched else None


def record_ungraded(part: Any, before: NotebookNode | None) -> None:
    """A notebook that could not be graded keeps its grades from before.

    If there are none, it has no score, not even the 0 of a notebook that was not submitted until now.
    """
    never_graded = before is None and not any(grade.auto_score for grade in part.grades)
    for grade in part.grades:
        if never_graded:
            grade.auto_score = None
        if grade.auto_score is None and grade.manual_score is None:
            grade.needs_manual_grade = True


def _record_missing(part: Any) -> None:
    for grade in part.grades:
        grade.auto_score = 0
        if grade.manual_score is None:
            grade.needs_manual_grade = False


def _write_error(error: Exception) -> CourseError:
    return CourseError(
        f"the gradebook cannot be written ({reason(error)}): fix this and run the same command again."
        " Students recorded so far are kept."
    )
