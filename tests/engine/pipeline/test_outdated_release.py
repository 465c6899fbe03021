"""Nothing is graded or written with a release or a gradebook that is older than source/."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autograder import pipeline
from autograder.authoring.check.command import CheckOptions, check_graders
from autograder.core.errors import CourseError
from autograder.core.records import JobResult
from autograder.course.course import Course
from autograder.feedback.results import finish
from autograder.intake.submission import open_submission
from tests.engine.pipeline.submitting import PART, Graded, submit
from tests.engine.support.gradebook_rows import gradebook_file
from tests.engine.support.scratch_course import solved
from tests.engine.support.small_course import cell_of, load, save, snapshot


@pytest.fixture
def path(course: Course) -> Path:
    return submit(course, "ada", solved(course, PART, "count_params"))


def rename(course: Course) -> None:
    """In source/, and without a release."""
    notebook = course.source / f"{PART}.ipynb"
    content = load(notebook)
    cell_of(content, "count_params")["metadata"]["nbgrader"]["grade_id"] = "counted"
    save(notebook, content)


def test_no_command_grades_with_an_outdated_release(
    course: Course, path: Path, grade: Callable[..., Graded]
) -> None:
    rename(course)
    before = snapshot(course.root)
    said = rf"release/module6/{PART}\.ipynb has no cell counted.*`autograder release`"
    with pytest.raises(CourseError, match=said):
        grade()
    with pytest.raises(CourseError, match=said):
        pipeline.run_files(course.root, [path], None, "cpu", None, None)
    with pytest.raises(CourseError, match=said):
        check_graders(course.root, ["claims"], CheckOptions())
    assert snapshot(course.root) == before


def test_grade_does_not_write_into_an_outdated_gradebook(
    course: Course, path: Path, grade: Callable[..., Graded]
) -> None:
    with closing(sqlite3.connect(gradebook_file(course.root))) as book, book:
        book.execute(
            "UPDATE grade_cells SET max_score = 9 WHERE id = (SELECT id FROM base_cell WHERE name = 'mlp')"
        )
    before = snapshot(course.root)
    with pytest.raises(CourseError, match="the cell mlp of part3_training 9 points.*`autograder release`"):
        grade()
    assert snapshot(course.root) == before


def test_a_test_cell_without_a_score_is_an_internal_error(course: Course, path: Path) -> None:
    """nbgrader would give it full marks."""
    result = finish(open_submission(course, path, student="ada"), JobResult())
    assert result.status == "failed"
    assert "count_params was not graded" in (result.message or "")
