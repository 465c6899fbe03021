"""What a regrade keeps of the work of those who grade by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isclose
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.core.cells import is_written, tag_of

Texts = Mapping[str, str]
"""The written answers of a graded notebook with their pictures, by grade_id."""


def read_graded(path: Path) -> NotebookNode | None:
    """A graded notebook, or None if it is missing or damaged."""
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-any-return]
    except (OSError, KeyError, TypeError, ValueError, nbformat.reader.NotJSONError):
        return None


def answers(notebook: NotebookNode) -> Texts:
    """The written answers."""
    return {str(tag_of(cell).get("grade_id")): answer(cell) for cell in notebook.cells if is_written(cell)}


def answer(cell: NotebookNode) -> str:
    """A written answer's text, and its pictures, if there are any."""
    pictures = cell.get("attachments")
    text = str(cell.source)
    return f"{text}\n{json.dumps(pictures, sort_keys=True)}" if pictures else text


def needs_a_person(grade: Any, score: float | None, text: str | None, before: Texts | None) -> bool:
    """Whether a person has to look at a cell, which has just got the automatic score `score`.

    `grade` is nbgrader's row from before, `text` the student's answer or None for an autograded cell, and
    `before` the answers of the notebook that was graded before, or None if it is not there. A cell without a
    score needs a person. One that was graded by hand needs another look if the answer or its automatic score
    changed since; until somebody has looked, it stays flagged.
    """
    if grade.manual_score is None:
        return score is None
    if text is not None:
        changed = before is None or before.get(grade.name, "").strip() != text.strip()
    else:
        old = grade.auto_score
        changed = old is None or score is None or not isclose(old, score, abs_tol=1e-6)
    return bool(grade.needs_manual_grade or changed)
