"""`nbgrader release_feedback` with a real exchange: what did not come through it stops nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbgrader.apps import ReleaseFeedbackApp
from nbgrader.utils import notebook_hash

from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.small_course import write_course

STUDENTS = ["[abc]", ".hidden", "ada", "bob", "carl", "copied", "doe, jane", "empty", "zoe"]
BY_HAND = {"bob": "submission_secret.txt", "carl": "timestamp.txt"}


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Pages of nine students, and an exchange."""
    root = write_course(tmp_path / "course [1]")
    (tmp_path / "exchange").mkdir(mode=0o777)
    (tmp_path / "exchange").chmod(0o777)
    with (root / "nbgrader_config.py").open("a") as file:
        file.write(f"c.Exchange.root = {str(tmp_path / 'exchange')!r}\n")
    for student in STUDENTS:
        folder = root / "feedback" / student / "week1"
        folder.mkdir(parents=True)
        (folder / "lines.html").write_text(f"page of {student}")
        (folder / "timestamp.txt").write_text("2026-01-05 10:00:00 UTC")
        (folder / "submission_secret.txt").write_text(f"secret of {student}")
    for student, file_name in BY_HAND.items():
        (root / "feedback" / student / "week1" / file_name).unlink()
    (root / "feedback/copied/week1/submission_secret.txt").write_text("secret of ada")
    (root / "feedback/empty/week1/submission_secret.txt").write_text("\n")
    return root


def released(course: Path) -> dict[str, str]:
    """The pages in the exchange, by file name."""
    folder = course.parent / "exchange" / "nnf" / "feedback"
    return {path.name: path.read_text() for path in folder.iterdir()}


def page_name(student: str) -> str:
    return notebook_hash(secret=f"secret of {student}", notebook_id="lines") + ".html"


def test_everyone_else_gets_feedback(course: Path) -> None:
    code, log = run_nbgrader(course, ReleaseFeedbackApp, "week1")
    assert code == 0
    assert "Traceback" not in log
    names = [x for x in STUDENTS if x not in {*BY_HAND, "copied", "empty"}]
    assert released(course) == {page_name(student): f"page of {student}" for student in names}


def test_one_sentence_for_each_who_does_not(course: Path) -> None:
    _, log = run_nbgrader(course, ReleaseFeedbackApp, "week1")
    for student, file_name in BY_HAND.items():
        (line,) = [x for x in log.splitlines() if f"The feedback for {student} was not released: " in x]
        assert f"{file_name} is missing or empty" in line
        assert "send the pages yourself" in line
    assert "The feedback for copied was not released: its submission_secret.txt is that of ada" in log
    assert "The feedback for empty was not released: " in log
    assert log.count("was not released") == 4


@pytest.mark.parametrize("student", ["[abc]", ".hidden", "doe, jane"])
def test_one_student(course: Path, student: str) -> None:
    code, _ = run_nbgrader(course, ReleaseFeedbackApp, "week1", f"--student={student}")
    assert code == 0
    assert released(course) == {page_name(student): f"page of {student}"}


def test_no_feedback_at_all(course: Path) -> None:
    code, log = run_nbgrader(course, ReleaseFeedbackApp, "week2")
    assert code == 1
    assert "week2 does not exist: run `autograder feedback` first." in log
