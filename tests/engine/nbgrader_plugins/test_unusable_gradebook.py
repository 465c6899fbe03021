"""A gradebook that cannot be used is one sentence for every command, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.core.errors import CourseError
from autograder.nbgrader_glue.gradebook_file import DATABASE_VARIABLE, class_gradebook
from autograder.nbgrader_glue.open_gradebook import open_gradebook
from tests.engine.support.small_class import write_class


def test_nbgraders_own_commands(tmp_path: Path) -> None:
    root = write_class(tmp_path / "course")
    class_gradebook(root).parent.mkdir(exist_ok=True)
    class_gradebook(root).write_bytes(b"garbage" * 1000)
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "export"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert (
        "nbgrader: the gradebook cannot be read (file is not a database): restore it from a backup"
        in done.stderr
    )
    assert "Traceback" not in done.stderr


def test_an_emptied_gradebook_asks_for_the_backup(tmp_path: Path) -> None:
    root = write_class(tmp_path / "course")
    class_gradebook(root).parent.mkdir(exist_ok=True)
    class_gradebook(root).write_bytes(b"")
    with pytest.raises(
        CourseError, match=r"does not contain module6: run .* from a backup if it held grades"
    ):
        open_gradebook(root, "module6")


def test_a_database_whose_driver_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_class(tmp_path / "course")
    monkeypatch.setenv(DATABASE_VARIABLE, "postgresql+pg8000://localhost/grades")
    with pytest.raises(CourseError, match="needs the package pg8000, which is not installed"):
        open_gradebook(root, "module6")
