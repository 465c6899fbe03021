"""`nbgrader autograde` and `autograder grade` leave the same rows in every table, late or not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import AutogradeApp

from autograder.nbgrader_glue.config import database_url
from autograder.pipeline import grade_class
from autograder.workers import shared_worker
from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.gradebook_rows import gradebook_rows
from tests.engine.support.small_class import (
    OTHER,
    PART,
    hand_in,
    released,
    scores,
    solved,
    write_class,
    wrong,
)
from tests.engine.support.small_course import cell_of

PLUGIN = """
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

class PointsPerHour(LateSubmissionPlugin):
    points = Float(0.0).tag(config=True)

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return None if student_id == "excused" else self.points * total_seconds_late / 3600

c.AssignLatePenalties.plugin_class = PointsPerHour
c.PointsPerHour.points = 0.25
"""
DUE = datetime(2026, 1, 5, 10)
TIMES = {
    "intime": "2026-01-05 09:00:00 UTC",
    "late": "2026-01-05 12:00:00.000000 UTC",
    "ahead": "2026-01-05 11:30:00 +0200",  # half past nine
    "behind": "2026-01-05 09:00:00 -0300",  # noon
    "hopeless": "2026-02-05T10:00:00Z",
    "excused": "2026-01-05 12:00:00 UTC",
    "extended": "2026-01-05 12:00:00 UTC",
    "marked": "\ufeff2026-01-05 12:00:00\r\n",
    "timeless": "",
}
PENALTIES = dict.fromkeys(TIMES, None) | {"late": 0.5, "behind": 0.5, "marked": 0.5, "hopeless": 4.0}
ZONE = "timestamp.txt has the time zone 'CEST'"


def change(root: Path, edit: Callable[[Any], None]) -> None:
    with Gradebook(database_url(root), "nnf") as book:
        edit(book)
        book.db.commit()


def set_up(book: Any) -> None:
    """A due date, an extension, and a penalty that somebody has from an earlier submission."""
    set_due_date(book)
    for student in ("extended", "intime"):
        book.update_or_create_student(student)
        book.update_or_create_submission("module6", student)
    book.find_submission("module6", "extended").extension = timedelta(days=1)
    for part in book.find_submission("module6", "intime").notebooks:
        part.late_submission_penalty = 2.0


def write_time(root: Path, student: str, text: str) -> None:
    (root / "submitted" / student / "module6" / "timestamp.txt").write_text(text, newline="")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Two copies of a class: one graded by `nbgrader autograde`, one by `autograder grade`."""
    folder = tmp_path_factory.mktemp("rows")
    root = write_class(folder / "nbgrader")
    with (root / "nbgrader_config.py").open("a") as file:
        file.write(PLUGIN)
    content = solved(root)
    cell_of(content, "reflection_1")["source"] = "Since one line is not enough."
    for student, text in TIMES.items():
        hand_in(root, student, wrong(root) if student == "ahead" else content)
        write_time(root, student, text)
    hand_in(root, "late", solved(root, OTHER), OTHER)
    hand_in(root, "behind", released(root, OTHER), OTHER)
    hand_in(root, "summer", content)
    write_time(root, "summer", "2026-01-05 10:00:00 CEST")
    change(root, set_up)
    copy = shutil.copytree(root, folder / "autograder")
    try:
        code, output = run_nbgrader(root, AutogradeApp, "module6")
        assert (code, output.count(ZONE)) == (1, 1)
        assert "Traceback" not in output
        assert grade_class(copy, "module6", [], 1, "cpu", False, None) == 1
        yield root, copy
    finally:
        shared_worker.close_shared_workers()


def rows_without_summer(root: Path) -> Any:
    return {
        table: [x for x in rows if "summer" not in repr(x)] for table, rows in gradebook_rows(root).items()
    }


def penalties(root: Path) -> dict[str, float | None]:
    with Gradebook(database_url(root), "nnf") as book:
        return {
            student.id: book.find_submission_notebook(PART, "module6", student.id).late_submission_penalty
            for student in book.students
            if student.id != "summer"
        }


def test_same_rows(both: tuple[Path, Path]) -> None:
    root, copy = both
    assert penalties(copy) == PENALTIES
    assert rows_without_summer(root) == rows_without_summer(copy)
    assert len(rows_without_summer(copy)["grade"]) == len(TIMES) * 4


def test_same_rows_after_a_corrected_time_and_manual_grades(both: tuple[Path, Path]) -> None:
    """nbgrader is told to --force it, as formgrader's button does."""

    def grade_by_hand(book: Any) -> None:
        for student in ("late", "hopeless", "intime"):
            grade = book.find_grade("reflection_1", PART, "module6", student)
            grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3.5, 0.5, False
            grade = book.find_grade("claims", PART, "module6", student)
            grade.manual_score, grade.needs_manual_grade = 0.5, False
            book.find_comment("reflection_1", PART, "module6", student).manual_comment = "Good."
        book.find_grade("mlp", OTHER, "module6", "late").manual_score = 1.0

    for root in both:
        change(root, grade_by_hand)
        write_time(root, "late", "2026-01-05 10:00:00 UTC")
        write_time(root, "intime", "2026-01-05 14:00:00 UTC")
        changed = solved(root)
        cell_of(changed, "reflection_1")["source"] = "One line is enough."
        hand_in(root, "intime", changed)
        (root / "submitted/late/module6" / f"{OTHER}.ipynb").unlink()
    assert run_nbgrader(both[0], AutogradeApp, "module6", "--force")[0] == 1
    assert grade_class(both[1], "module6", [], 1, "cpu", True, None) == 1
    assert rows_without_summer(both[0]) == rows_without_summer(both[1])
    assert (penalties(both[0])["late"], penalties(both[0])["intime"]) == (None, 1.0)
    found = scores(both[0])
    assert (
        found["late", PART, "reflection_1"] == found["hopeless", PART, "reflection_1"] == (None, 3.5, False)
    )
    assert found["intime", PART, "reflection_1"] == (None, 3.5, True)
    assert found["intime", PART, "claims"] == (1.0, 0.5, False)


def test_an_extension_without_a_due_date_is_no_error(both: tuple[Path, Path]) -> None:
    def take_back(book: Any) -> None:
        book.find_assignment("module6").duedate = None

    for root in both:
        change(root, take_back)
    code, output = run_nbgrader(both[0], AutogradeApp, "module6", "--student=extended", "--force")
    assert (code, "Traceback" in output) == (0, False)
    assert grade_class(both[1], "module6", ["extended"], 1, "cpu", False, None) == 0
    assert penalties(both[0])["extended"] == penalties(both[1])["extended"] is None
    for root in both:
        change(root, set_due_date)


def set_due_date(book: Any) -> None:
    book.find_assignment("module6").duedate = DUE


def test_nbgrader_sees_a_new_time_without_force(both: tuple[Path, Path]) -> None:
    for text, penalty in (("2026-01-05 16:00:00 UTC", 1.5), ("2026-01-05 08:00:00 UTC", None)):
        write_time(both[0], "behind", text)
        _, output = run_nbgrader(both[0], AutogradeApp, "module6", "--student=behind")
        assert "Skipping" not in output
        assert penalties(both[0])["behind"] == penalty


def test_a_failed_autograde_keeps_the_graded_notebook(both: tuple[Path, Path]) -> None:
    root = both[0]
    graded = root / "autograded/marked/module6" / f"{PART}.ipynb"
    extra = graded.with_name("note.txt")
    extra.write_text("my own")
    before, content = scores(root), graded.read_bytes()
    submission = root / "submitted/marked/module6" / f"{PART}.ipynb"
    original = submission.read_bytes()
    submission.write_text("{nope")
    code, output = run_nbgrader(root, AutogradeApp, "module6", "--student=marked", "--force")
    assert (code, "Traceback" in output) == (1, False)
    assert (graded.read_bytes(), scores(root)) == (content, before)
    submission.write_bytes(original)
    assert run_nbgrader(root, AutogradeApp, "module6", "--student=marked", "--force")[0] == 0
    assert extra.read_text() == "my own"
    assert not list((root / ".autograder").glob("nbgrader-*"))


def test_a_refused_name_leaves_rows_as_they_are(both: tuple[Path, Path]) -> None:
    """Only the 0 of a notebook that was missing is taken back, since it may be the misnamed file."""
    root = both[0]
    before, rows = scores(root), gradebook_rows(root)["submitted_assignment"]
    assert before["ahead", OTHER, "mlp"] == (0.0, None, False)
    hand_in(root, "ahead", solved(root, OTHER), f"{OTHER} (1)")
    write_time(root, "ahead", "2026-03-05 12:00:00 UTC")
    code, output = run_nbgrader(root, AutogradeApp, "module6", "--student=ahead", "--force")
    assert (code, "Traceback" in output) == (1, False)
    assert f"{OTHER} (1).ipynb holds the cells of {OTHER}: rename it" in output
    assert gradebook_rows(root)["submitted_assignment"] == rows
    assert scores(root) == before | {("ahead", OTHER, "mlp"): (None, None, True)}
    (root / "submitted/ahead/module6/part1_neurons.ipynb").rename(
        root / "submitted/ahead/module6/my homework.ipynb"
    )
    assert run_nbgrader(root, AutogradeApp, "module6", "--student=ahead", "--force")[0] == 1
    assert scores(root)["ahead", PART, "claims"] == before["ahead", PART, "claims"], "graded before"
