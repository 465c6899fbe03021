"""`nbgrader export`: nbgrader's own columns, quoted, and no score where something could not be graded."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, Student
from nbgrader.plugins import ExportPlugin

from autograder.core.records import total
from autograder.core.suggestions import did_you_mean

COLUMNS = [
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email",
    "raw_score", "late_submission_penalty", "score", "max_score",
]  # fmt: skip
FORMULA = re.compile(r"(?![+-]?[\d.,]+$)[=+\-@\t\r＝＋－＠]")
"""How a text begins that a spreadsheet would run; students choose their names, and sometimes their ids."""
Row = dict[str, Any]


class CsvExport(ExportPlugin):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's CsvExportPlugin, with rounded scores, and blank ones for what was handed in but not graded.

    One warning names each of them, and each student who handed something in and is not in the gradebook.
    """

    def export(self, gradebook: Gradebook) -> None:
        path = Path(self.to or "grades.csv")
        self._refuse_unknown(gradebook)
        rows = list(self._rows(gradebook))
        self.log.info("Exporting grades to %s", path)
        try:
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
        except OSError as error:
            self.log.error("%s cannot be written (%s): name another file with --to.", path, error.strerror)
            sys.exit(1)

    def _refuse_unknown(self, gradebook: Gradebook) -> None:
        """End with one sentence if --assignment or --student names what does not exist."""
        assignments = {assignment.name for assignment in gradebook.assignments}
        students = {student.id for student in gradebook.students}
        students = students.union(*map(self._handed_in, assignments))
        for what, chosen, known in (
            ("assignment", self.assignment, assignments),
            ("student", self.student, students),
        ):
            for name in map(str, chosen):
                if name not in known:
                    meant = did_you_mean(name, sorted(known))
                    self.log.error("There is no %s %r, so nothing was exported: %s", what, name, meant)
                    sys.exit(1)

    def _rows(self, gradebook: Gradebook) -> Iterator[Row]:
        assignments = [x for x in gradebook.assignments if _wanted(x.name, self.assignment)]
        students = [x for x in gradebook.students if _wanted(x.id, self.student)]
        for assignment in assignments:
            handed_in = self._handed_in(assignment.name)
            for student in students:
                yield self._row(gradebook, assignment, student, student.id in handed_in)
            known = {student.id for student in gradebook.students}
            for student_id in sorted(x for x in handed_in - known if _wanted(x, self.student)):
                self.log.warning(
                    "%s handed in %s and is not in the gradebook: run `autograder grade`, which says why, and"
                    " export again.",
                    student_id,
                    assignment.name,
                )

    def _row(self, gradebook: Gradebook, assignment: Assignment, student: Student, handed_in: bool) -> Row:
        timestamp, score, penalty = None, 0.0, 0.0
        ungraded = [assignment.name] if handed_in else []
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            pass
        else:
            timestamp, score = submission.timestamp, submission.score
            penalty = submission.late_submission_penalty
            ungraded = [part.name for part in submission.notebooks if _is_ungraded(part)]
        if ungraded:
            self.log.warning(
                "%s has no score for %s, since it was handed in and could not be graded (%s): run `autograder"
                " grade`, which says why, and export again.",
                student.id,
                assignment.name,
                ", ".join(ungraded),
            )
        return {
            "assignment": assignment.name,
            "duedate": assignment.duedate,
            "timestamp": timestamp,
            "student_id": self._text(student.id),
            "last_name": self._text(student.last_name),
            "first_name": self._text(student.first_name),
            "email": self._text(student.email),
            "raw_score": None if ungraded else total([score]),
            "late_submission_penalty": total([penalty]),
            "score": None if ungraded else max(0.0, total([score, -penalty])),
            "max_score": total([assignment.max_score]),
        }

    def _text(self, text: str | None) -> str | None:
        """A text that no spreadsheet takes for a formula."""
        if not text or not FORMULA.match(text):
            return text
        self.log.warning("%s is written as '%s, since a spreadsheet would take it for a formula.", text, text)
        return f"'{text}"

    def _handed_in(self, assignment: str) -> set[str]:
        """The students with files of this assignment in submitted/."""
        course = self.parent.coursedir
        folders = Path(course.format_path(course.submitted_directory, "x", "x")).parents[1].glob("*")
        return {
            folder.name
            for folder in folders
            if any(Path(course.format_path(course.submitted_directory, folder.name, assignment)).glob("*"))
        }


def _wanted(name: str, chosen: Collection[Any]) -> bool:
    return not chosen or name in map(str, chosen)


def _is_ungraded(part: Any) -> bool:
    """Whether an autograded cell of one of nbgrader's SubmittedNotebooks has no score at all."""
    by_hand = {cell.name for cell in (*part.notebook.solution_cells, *part.notebook.task_cells)}
    return any(
        grade.auto_score is None and grade.manual_score is None and grade.cell.cell_type == "code"
        for grade in part.grades
        if grade.name not in by_hand
    )
