"""nbgrader's own commands grade nothing with invalid settings or a release that is older than source/."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from nbgrader.apps import AutogradeApp
from nbgrader.validator import Validator

from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.nbgrader_glue.config import course_config
from autograder.workers import shared_worker
from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.gradebook_rows import gradebook_file
from tests.engine.support.small_class import PART, hand_in, scores, solved, write_class
from tests.engine.support.small_course import cell_of, load, save, snapshot

SAID = f"release/module6/{PART}.ipynb has no cell counted"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = write_class(tmp_path / "course")
    hand_in(root, "ada", solved(root))
    Course(root).seed()
    monkeypatch.chdir(root)
    monkeypatch.setattr(shared_worker, "WorkerProcess", None)  # grading anything would fail
    yield root
    shared_worker.close_shared_workers()


def rename(root: Path) -> None:
    content = load(root / f"source/module6/{PART}.ipynb")
    cell_of(content, "count_params")["metadata"]["nbgrader"]["grade_id"] = "counted"
    save(root / f"source/module6/{PART}.ipynb", content)


def test_autograde_refuses_an_outdated_release(root: Path) -> None:
    rename(root)
    before = snapshot(root)
    code, output = run_nbgrader(root, AutogradeApp, "module6")
    assert code == 1
    assert SAID in output
    assert "Traceback" not in output
    assert snapshot(root) == before


def test_autograde_refuses_an_outdated_gradebook(root: Path) -> None:
    with closing(sqlite3.connect(gradebook_file(root))) as book, book:
        book.execute(
            "UPDATE grade_cells SET max_score = 9 WHERE id = (SELECT id FROM base_cell WHERE name = 'claims')"
        )
    before = scores(root)
    code, output = run_nbgrader(root, AutogradeApp, "module6")
    assert code == 1
    assert f"the gradebook gives the cell claims of {PART} 9 points" in output
    assert scores(root) == before == {}
    assert not (root / "autograded").exists()


def test_autograde_refuses_invalid_settings(root: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.autograder]\njobs = -1\n")
    before = snapshot(root)
    code, output = run_nbgrader(root, AutogradeApp, "module6")
    assert code == 1
    assert f"{root / 'pyproject.toml'}: [tool.autograder] is invalid: jobs: " in output
    assert "Traceback" not in output
    assert snapshot(root) == before


def test_validate_refuses_an_outdated_release(root: Path) -> None:
    rename(root)
    with pytest.raises(CourseError, match=SAID):
        Validator(config=course_config(root)).validate(str(root / f"submitted/ada/module6/{PART}.ipynb"))
