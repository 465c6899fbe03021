"""What is known about a small class while commands run on it in any order: see test_nothing_is_lost.py."""

from __future__ import annotations

import io
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from errno import ENOSPC
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import pytest
import sqlalchemy
from nbgrader.api import Gradebook
from nbgrader.apps import AutogradeApp
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from autograder.nbgrader_glue.config import database_url
from tests.engine.support.small_class import PART, Notebook, solved, wrong
from tests.engine.support.small_course import cell_of

WRITTEN, AUTOMATIC = "reflection_1", ("claims", "count_params")
COMMENTED = (WRITTEN, "count_params_solution")
ANSWERS = ("One line is not enough.", "XOR cannot be separated by a line.")
UNREADABLE = b'{"cells": ['
GRADER = Path("tests/module6/count_params/test_count_params.py")
STRICTER = '''

@weight(4)
def test_two_sizes(student, reference):
    """Two layer sizes have the weights and the biases of one layer."""
    assert student.count_params([5, 7]) == 42
'''
Scores = dict[str, float | None]
Row = tuple[float | None, float | None, float | None, bool]
"""Automatic score, manual score, extra credit, needs manual grade."""


@dataclass
class Student:
    """What a person entered for a student, what was handed in, and what was graded last."""

    files: dict[str, bytes] = field(default_factory=dict)
    kind: str = ""
    """"right", "wrong" or "unreadable"."""
    answer: str = ""
    broken_beside: bool = False
    """Whether another notebook of the assignment was handed in that cannot be read."""

    scores: Scores | None = None
    """The automatic scores of the last grading, or None if there was none or it may not have ended."""
    recorded: set[str] = field(default_factory=set)
    """The written answers that were graded since a person graded one; several if it is not known which."""
    has_notebook: bool = False
    """Whether there is a graded notebook, and the student with it in the gradebook."""

    manual: dict[str, tuple[float, float | None]] = field(default_factory=dict)
    """By cell: points and extra credit."""
    comments: dict[str, str] = field(default_factory=dict)
    judged: str | None = None
    """The written answer to which a person gave points."""
    has_page: bool = False

    def uncertain(self) -> None:
        """Grading began, and it is not known whether it ended."""
        self.scores = None
        if self.kind != "unreadable":
            self.recorded.add(self.answer)


def content(root: Path, kind: str, answer: str) -> bytes:
    """The bytes of a notebook of this kind."""
    if kind == "unreadable":
        return UNREADABLE
    notebook: Notebook = deepcopy(solved(root) if kind == "right" else wrong(root))
    cell_of(notebook, WRITTEN)["source"] = answer
    return json.dumps(notebook).encode()


def write_files(folder: Path, files: dict[str, bytes], hours: dict[str, int]) -> None:
    """Replace what is in the folder. `hours`: how long ago each file was changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
        changed = time.time() - 3600 * hours[name]
        os.utime(folder / name, (changed, changed))


def submitted(root: Path) -> dict[str, dict[str, bytes]]:
    """All files below submitted/, by student."""
    found: dict[str, dict[str, bytes]] = {}
    for path in (root / "submitted").rglob("*"):
        if path.is_file():
            found.setdefault(path.relative_to(root / "submitted").parts[0], {})[path.name] = path.read_bytes()
    return found


def database(root: Path) -> Path:
    path = sqlalchemy.make_url(database_url(root)).database
    assert path is not None
    return Path(path.split("?")[0])


def rows(root: Path) -> dict[tuple[str, str], Row]:
    """By student and graded cell."""
    query = """
        SELECT submitted_assignment.student_id, base_cell.name,
               grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade
        FROM grade JOIN base_cell ON grade.cell_id = base_cell.id
        JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id"""
    with closing(sqlite3.connect(database(root))) as book:
        found = book.execute(query).fetchall()
    return {(row[0], row[1]): (row[2], row[3], row[4], bool(row[5])) for row in found}


def comments(root: Path) -> dict[tuple[str, str], str]:
    """The comments of people, by student and cell."""
    query = """
        SELECT submitted_assignment.student_id, base_cell.name, comment.manual_comment
        FROM comment JOIN base_cell ON comment.cell_id = base_cell.id
        JOIN submitted_notebook ON comment.notebook_id = submitted_notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id
        WHERE comment.manual_comment IS NOT NULL"""
    with closing(sqlite3.connect(database(root))) as book:
        return {(row[0], row[1]): row[2] for row in book.execute(query)}


def give(root: Path, student: str, cell: str, points: float, extra: float | None) -> None:
    """Save points as formgrader does."""
    with Gradebook(database_url(root), "nnf") as book:
        grade = book.find_grade(cell, PART, "module6", student)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = points, extra, False
        book.db.commit()


def comment(root: Path, student: str, cell: str, text: str) -> None:
    with Gradebook(database_url(root), "nnf") as book:
        book.find_comment(cell, PART, "module6", student).manual_comment = text
        book.db.commit()


def assert_readable(root: Path) -> None:
    """The gradebook is sound, and everything that was written can be read."""
    with closing(sqlite3.connect(database(root))) as book:
        assert book.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    for path in root.glob("autograded/*/module6/*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))
    for path in root.glob("feedback/*/module6/*.html"):
        assert "</html>" in path.read_text()


def set_points(root: Path, points: int) -> None:
    """Change in the source how many points count_params is worth."""
    path = root / "source/module6" / f"{PART}.ipynb"
    source = json.loads(path.read_text())
    cell_of(source, "count_params")["metadata"]["nbgrader"]["points"] = points
    path.write_text(json.dumps(source, indent=1))


@contextmanager
def full_disk(place: str, after: int) -> Iterator[None]:
    """Let every change of the database, or every file that is moved into place, fail after so many of them."""
    owner, name = {"database": (Session, "commit"), "file": (os, "replace")}[place]
    real, calls = getattr(owner, name), count()
    full = sqlite3.OperationalError("database or disk is full")
    error = {
        "database": OperationalError("COMMIT", {}, full),
        "file": OSError(ENOSPC, "No space left on device"),
    }

    def change(*args: Any, **options: Any) -> Any:
        if next(calls) >= after:
            raise error[place]
        return real(*args, **options)

    with patch.object(owner, name, change):
        yield


def killed_while_saving(root: Path, milliseconds: float) -> None:
    """Start `autograder grade` and kill it so long after it began to write, if it has not ended by then."""

    def state() -> list[tuple[str, int]]:
        places = [database(root), *root.glob("autograded/*/module6/*")]
        return [(str(x), x.stat().st_mtime_ns) for x in places if x.exists()]

    before = state()
    process = subprocess.Popen(
        [sys.executable, "-m", "autograder", "grade", "--jobs", "1", "--force"],
        cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + 300
    while process.poll() is None and state() == before:
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(milliseconds / 1000)
    process.kill()
    process.wait()


def nbgrader_autograde(root: Path, student: str) -> Any:
    """Run `nbgrader autograde --force` for a student in this process; returns its exit code."""
    app, said = AutogradeApp(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(root)
        app.initialize(["module6", "--student", student, "--force"])
        app.log.handlers = [logging.NullHandler()]
        try:
            app.start()
        except SystemExit as error:
            return error.code
    return 0
