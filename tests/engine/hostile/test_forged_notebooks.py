"""Forged notebooks: what a submission claims about itself does not count."""

from __future__ import annotations

import json

import msgspec
import pytest

from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.feedback.results import finish
from autograder.intake.submission import Submission, from_notebook
from tests.engine.hostile.attacked_course import PART, AttackedCourse
from tests.engine.hostile.forged_notebooks import FORGERIES, TRACE, Notebook
from tests.engine.support.scratch_course import edited

pytestmark = pytest.mark.slow


def graded(quick: AttackedCourse, content: Notebook) -> tuple[NotebookResult, Submission]:
    """Read, grade and finish a notebook as in a class."""
    submission = from_notebook(quick.course, content, PART, "somewhere.ipynb", "mallory")
    result = finish(submission, quick.worker.grade(submission.job()))
    return msgspec.structs.replace(result, seconds=0.0), submission


def unsolved(course: Course) -> Notebook:
    return edited(course, PART, lambda _, released: released)


@pytest.fixture(scope="module")
def unforged(quick: AttackedCourse) -> NotebookResult:
    """The result of the released notebook."""
    result, _ = graded(quick, unsolved(quick.course))
    assert result.status == "graded"
    return result


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_notebook_gets_the_result_of_the_original(
    quick: AttackedCourse, unforged: NotebookResult, name: str
) -> None:
    course = quick.course
    content = unsolved(course)
    before = json.dumps(content)
    FORGERIES[name](content)
    assert json.dumps(content) != before, "the forgery changes nothing"
    result, submission = graded(quick, content)
    assert result == unforged
    released = json.loads((course.release / f"{PART}.ipynb").read_text())
    tags = {tag["grade_id"]: tag for x in released["cells"] if (tag := x["metadata"].get("nbgrader"))}
    for cell in submission.notebook.cells:
        if tag := cell.metadata.get("nbgrader"):
            assert tag == tags[tag["grade_id"]]
        assert TRACE not in json.dumps([cell.metadata, cell.get("outputs"), cell.get("attachments")])
    assert TRACE not in json.dumps(submission.notebook.metadata)
    quick.grade_honest()
