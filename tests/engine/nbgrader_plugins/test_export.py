"""`nbgrader export`: what could not be graded is blank and never 0."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import ExportApp

from autograder import pipeline
from autograder.core.records import JobResult
from autograder.nbgrader_glue.config import database_url
from autograder.pipeline import grade_class
from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.small_class import OTHER, PART, hand_in, released, solved, write_class

Row = dict[str, str]


FORMULAS = ("=1+1", "@sum(a1)", "-2+3", "+1-x", "\t=x", "＝1", '=HYPERLINK("http://x","y")')
HARMLESS = ("-12", "+49123", "a=1", "'=1")


class FailsForStrangers:
    """Stands in for the workers: every submission meets an internal error."""

    sentence = "sandbox: none"

    def __init__(self, *_: Any) -> None:
        pass

    def run(self, jobs: list[tuple[Any, Any]]) -> Any:
        for tag, _ in jobs:
            yield tag, JobResult(internal_errors=["the probe broke"])

    def __enter__(self) -> FailsForStrangers:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_class(tmp_path_factory.mktemp("export") / "course")
    hand_in(root, "good", solved(root))
    hand_in(root, "stub", released(root))
    hand_in(root, "half", solved(root))
    hand_in(root, "half", "{nope", OTHER)
    hand_in(root, "broken", "{nope")
    hand_in(root, "unknown", {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}, "essay")
    hand_in(root, "undated", solved(root)).with_name("timestamp.txt").write_text("2026-01-05 10:00 CEST")
    hand_in(root, "stranger", solved(root)).with_name("timestamp.txt").write_text("yesterday")
    hand_in(root, "later", solved(root, OTHER), OTHER)
    with Gradebook(database_url(root), "nnf") as book:
        for student in ("undated", "idle", *FORMULAS, *HARMLESS):
            book.add_student(student, last_name=FORMULAS[0], first_name="O'Neil", email="-")
    assert grade_class(root, "module6", [], 1, "cpu", False, None) == 1
    hand_in(root, "failed", solved(root))
    hand_in(root, "later", "{nope")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "Pool", FailsForStrangers)
        assert grade_class(root, "module6", ["failed", "later"], 1, "cpu", False, None) == 1
    return root


@pytest.fixture(scope="module")
def exported(course: Path) -> tuple[dict[str, Row], str]:
    code, log = run_nbgrader(course, ExportApp)
    assert code == 0
    with (course / "grades.csv").open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}, log


@pytest.mark.parametrize(
    ("student", "score"), [("good", "4.0"), ("stub", "0.0"), ("idle", "0.0")]
)  # fmt: skip
def test_what_was_graded_or_not_handed_in_has_a_score(
    exported: tuple[dict[str, Row], str], student: str, score: str
) -> None:
    row = exported[0][student]
    assert (row["raw_score"], row["score"]) == (score, score)


@pytest.mark.parametrize("student", ["half", "broken", "unknown", "undated", "failed", "later"])
def test_what_could_not_be_graded_has_no_score(exported: tuple[dict[str, Row], str], student: str) -> None:
    rows, log = exported
    row = rows[student]
    assert (row["raw_score"], row["score"]) == ("", "")
    assert float(row["max_score"]) > 0
    (line,) = [line for line in log.splitlines() if f"{student} has no score for module6" in line]
    assert "run `autograder grade`" in line


def test_a_student_who_is_not_in_the_gradebook_is_named(exported: tuple[dict[str, Row], str]) -> None:
    rows, log = exported
    assert "stranger" not in rows
    assert "stranger handed in module6 and is not in the gradebook: run `autograder grade`" in log


def test_a_score_given_by_hand_counts(course: Path) -> None:
    with Gradebook(database_url(course), "nnf") as book:
        for grade in book.find_submission_notebook(PART, "module6", "broken").grades:
            grade.manual_score = 1.0
        book.db.commit()
    run_nbgrader(course, ExportApp, "--to=hand.csv", '--student=["broken"]')
    with (course / "hand.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["score"] == "3.0"


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (
            "--assignment=modul6",
            "There is no assignment 'modul6', so nothing was exported: did you mean module6?",
        ),
        (
            '--student=["good", "brokn"]',
            "There is no student 'brokn', so nothing was exported: did you mean broken?",
        ),
    ],
)
def test_a_name_that_does_not_exist_replaces_nothing(course: Path, option: str, sentence: str) -> None:
    (course / "kept.csv").write_text("last week's grades")
    code, log = run_nbgrader(course, ExportApp, "--to=kept.csv", option)
    assert (code, (course / "kept.csv").read_text()) == (1, "last week's grades")
    assert sentence in log


def test_sums_are_rounded(course: Path) -> None:
    """0.1 and 0.2 make 0.30000000000000004, and 0.3 less a late penalty of 0.1 makes 0.19999999999999998."""
    with Gradebook(database_url(course), "nnf") as book:
        part = book.find_submission_notebook(PART, "module6", "stub")
        for grade, score in zip(part.grades, (0.1, 0.2, 0.0), strict=True):
            grade.manual_score = score
        part.late_submission_penalty = 0.1
        book.db.commit()
    try:
        run_nbgrader(course, ExportApp, "--to=sums.csv", '--student=["stub"]')
    finally:
        with Gradebook(database_url(course), "nnf") as book:
            part = book.find_submission_notebook(PART, "module6", "stub")
            part.late_submission_penalty = None
            for grade in part.grades:
                grade.manual_score = None
            book.db.commit()
    with (course / "sums.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert [row[name] for name in ("raw_score", "late_submission_penalty", "score")] == ["0.3", "0.1", "0.2"]


def test_no_text_is_a_formula_for_a_spreadsheet(exported: tuple[dict[str, Row], str]) -> None:
    rows, log = exported
    assert {f"'{student}" for student in FORMULAS} | set(HARMLESS) <= rows.keys()
    assert not rows.keys() & set(FORMULAS)
    assert "@sum(a1) is written as '@sum(a1), since a spreadsheet would take it for a formula." in log
    row = rows["idle"]
    assert [row[name] for name in ("last_name", "first_name", "email")] == ["'=1+1", "O'Neil", "'-"]


@pytest.mark.parametrize("target", ["no/such/folder.csv", "."])
def test_a_file_that_cannot_be_written_is_one_sentence(course: Path, target: str) -> None:
    code, log = run_nbgrader(course, ExportApp, f"--to={target}")
    assert code == 1
    assert f"{target} cannot be written ({os.strerror(2 if '/' in target else 21)})" in log
    assert "Traceback" not in log
