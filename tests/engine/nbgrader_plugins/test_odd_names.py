"""A student's id is a name: graded, exported, given feedback and found by every command, exactly."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.apps import AutogradeApp, ExportApp, GenerateFeedbackApp, NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from typer.testing import CliRunner

from autograder.cli import app
from autograder.nbgrader_glue.config import course_config
from autograder.pipeline import grade_class
from autograder.workers import shared_worker
from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.small_class import PART, hand_in, released, scores, solved, write_class

ODD = [
    "[abc]",
    ".hidden",
    "a*b",
    "doe, jane",
    "Zoë",
    "-x",
    "o\"neil's",
    "=1+1",
    "two  words",
    "100%{x}",
    "?",
    "a\nb",
]
DECOYS = ["a", "axb", "b"]
"""Students whom an id above matches as a pattern."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The class in a folder that is no pattern either; odd students solved everything, decoys nothing."""
    root = write_class(tmp_path_factory.mktemp("names") / "course (a+b) [c] *")
    for student in ODD:
        hand_in(root, student, solved(root))
    for student in DECOYS:
        hand_in(root, student, released(root))
    assert grade_class(root, "module6", [], 1, "cpu", False, None) == 0
    try:
        yield root
    finally:
        shared_worker.close_shared_workers()


def pages(root: Path) -> set[str]:
    return {path.parent.parent.name for path in (root / "feedback").rglob("*.html")}


def test_everyone_is_graded(course: Path) -> None:
    found = scores(course)
    assert {student for student, *_ in found} == {*ODD, *DECOYS}
    assert all(found[student, PART, "count_params"][0] == 3.0 for student in ODD)


def test_everyone_gets_feedback(course: Path) -> None:
    shutil.rmtree(course / "feedback", ignore_errors=True)
    done = CliRunner().invoke(app, ["feedback", "--course", str(course)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert pages(course) == {*ODD, *DECOYS}
    shutil.rmtree(course / "feedback")
    assert run_nbgrader(course, GenerateFeedbackApp, "module6")[0] == 0
    assert pages(course) == {*ODD, *DECOYS}


@pytest.mark.parametrize("student", ODD)
def test_a_name_chooses_one_student(course: Path, student: str) -> None:
    shutil.rmtree(course / "feedback", ignore_errors=True)
    done = CliRunner().invoke(app, ["feedback", "--course", str(course), "--student", student])
    assert (done.exit_code, done.stderr) == (0, "")
    assert pages(course) == {student}
    done = CliRunner().invoke(app, ["grade", "--course", str(course), "--student", student])
    assert done.exit_code == 0
    assert "1 notebook" in done.stdout
    shutil.rmtree(course / "feedback")
    assert run_nbgrader(course, GenerateFeedbackApp, "module6", f"--student={student}")[0] == 0
    assert pages(course) == {student}


@pytest.mark.parametrize("student", ["[abc]", ".hidden", "a*b", "doe, jane", "-x"])
def test_nbgrader_grades_one_student(course: Path, student: str) -> None:
    graded = course / "autograded" / student / "module6" / f"{PART}.ipynb"
    others = {x: x.stat().st_mtime_ns for x in course.glob("autograded/*/*/*.ipynb") if x != graded}
    graded.unlink()
    code, output = run_nbgrader(course, AutogradeApp, "module6", f"--student={student}", "--force")
    assert code == 0, output
    assert graded.exists()
    assert all(path.stat().st_mtime_ns == modified for path, modified in others.items())
    graded.chmod(0o644)


def test_formgrader_sees_everyone(course: Path) -> None:
    config = course_config(course)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)
    assert api.get_submitted_students("module6") == {*ODD, *DECOYS}


def test_everyone_is_exported_in_one_row(course: Path) -> None:
    assert run_nbgrader(course, ExportApp)[0] == 0
    with (course / "grades.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ids = [row["student_id"].removeprefix("'") for row in rows]  # put before what a spreadsheet would compute
    assert sorted(ids) == sorted({*ODD, *DECOYS})
    assert {row["score"] for name, row in zip(ids, rows, strict=True) if name in ODD} == {"4.0"}
    assert all(None not in row and row["max_score"] == rows[0]["max_score"] for row in rows)


def test_one_student_is_exported(course: Path) -> None:
    assert run_nbgrader(course, ExportApp, '--student=["doe, jane"]', "--to=one.csv")[0] == 0
    with (course / "one.csv").open(newline="", encoding="utf-8") as file:
        assert [row["student_id"] for row in csv.DictReader(file)] == ["doe, jane"]


def test_ordinary_names_are_exported_as_nbgrader_does(course: Path) -> None:
    arguments = [f"--student={DECOYS}", "--to"]
    plain = f"--ExportApp.plugin_class={CsvExportPlugin.__module__}.CsvExportPlugin"
    run_nbgrader(course, ExportApp, *arguments, "ours.csv")
    run_nbgrader(course, ExportApp, *arguments, "theirs.csv", plain)
    assert (course / "ours.csv").read_bytes() == (course / "theirs.csv").read_bytes()
    assert len((course / "ours.csv").read_text().splitlines()) == 1 + len(DECOYS)
