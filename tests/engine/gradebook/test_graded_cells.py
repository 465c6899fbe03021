"""A gradebook that does not have the graded cells and points of source/ is refused."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from autograder.authoring.release import make_release
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.gradebook.writer import GradebookWriter
from tests.engine.support.gradebook_rows import gradebook_file
from tests.engine.support.small_course import ASSIGNMENT, write_course

BASE = "(SELECT id FROM base_cell WHERE name = 'slope')"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_course(tmp_path_factory.mktemp("course"))
    make_release(root, ASSIGNMENT)
    return root


def check(root: Path) -> None:
    with GradebookWriter(root, ASSIGNMENT) as book:
        book.refuse_outdated(Course(root, ASSIGNMENT))


def test_the_gradebook_of_this_release_is_accepted(released: Path) -> None:
    check(released)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"UPDATE grade_cells SET max_score = 9 WHERE id = {BASE}", "the cell slope of lines 9 points, but"),
        (
            "DELETE FROM base_cell WHERE name = 'slope'",
            "does not know the cell slope of source/week1/lines.ipynb",
        ),
        ("UPDATE base_cell SET name = 'steep' WHERE name = 'slope'", "does not know the cell slope"),
    ],
)
def test_other_cells_or_points_are_refused(released: Path, tmp_path: Path, statement: str, said: str) -> None:
    root = shutil.copytree(released, tmp_path / "course")
    with closing(sqlite3.connect(gradebook_file(root))) as book, book:
        assert book.execute(statement).rowcount >= 1
    with pytest.raises(CourseError) as error:
        check(root)
    assert said in str(error.value)
    assert str(error.value).endswith(": run `autograder release`.")


def test_a_test_cell_without_a_score_is_never_recorded(released: Path, tmp_path: Path) -> None:
    """nbgrader would give it full marks."""
    root = shutil.copytree(released, tmp_path / "course")
    notebook = nbformat.read(root / "release" / ASSIGNMENT / "lines.ipynb", as_version=4)
    with GradebookWriter(root, ASSIGNMENT) as book:
        with pytest.raises(CourseError, match="lines, cell slope, was not graded"):
            book.save("ada", None, {"lines": notebook}, before={})
        assert not book.knows("ada")
