"""The step of `nbgrader autograde` that records scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import SaveAutoGrades
from nbgrader.utils import determine_grade

from autograder.core.cells import is_written, tag_of
from autograder.gradebook.manual_grades import Texts, answer, answers, needs_a_person, read_graded


class SaveGrades(SaveAutoGrades):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's step, which flags only those manual grades whose answer or automatic score changed."""

    _before: Texts | None = None

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        names = resources["nbgrader"]
        converter = self.parent.parent
        folder: Path = converter.kept(names["assignment"], names["student"])
        before = read_graded(folder / f"{names['notebook']}.ipynb")
        self._before = None if before is None else answers(before)
        saved: tuple[NotebookNode, Any] = super().preprocess(nb, resources)
        return saved

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        grade_id = tag_of(cell)["grade_id"]
        grade = self.gradebook.find_grade(grade_id, self.notebook_id, self.assignment_id, self.student_id)
        score, _ = determine_grade(cell, self.log)
        text = answer(cell) if is_written(cell) else None
        grade.needs_manual_grade = needs_a_person(grade, score, text, self._before)
        grade.auto_score = score
        self.gradebook.db.commit()
