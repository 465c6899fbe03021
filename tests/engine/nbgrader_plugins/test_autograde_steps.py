"""`nbgrader autograde` with this package's steps: real commands on a class that is graded once."""

from __future__ import annotations

import csv
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import AutogradeApp, ExportApp

from autograder.core.records import JobResult
from autograder.nbgrader_glue.gradebook_file import class_gradebook
from autograder.pipeline import grade_class
from autograder.workers import shared_worker
from tests.engine.nbgrader_plugins.graded_class import BROKEN, FULL_MARKS, GradedClass
from tests.engine.support.small_class import OTHER, PART, scores


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GradedClass]:
    try:
        yield GradedClass(tmp_path_factory.mktemp("class"))
    finally:
        shared_worker.close_shared_workers()


def test_scores_are_those_of_autograder_grade(graded: GradedClass) -> None:
    whole = {key: row for key, row in graded.scores.items() if key[0] not in BROKEN}
    assert whole == {key: row for key, row in graded.expected_scores.items() if key[0] not in BROKEN}
    assert len(whole) == 10 * 4


@pytest.mark.parametrize("student", ["ref", "noisy", "moved", "naked", "crlf", "kernel"])
def test_harmless_oddities_cost_nothing(graded: GradedClass, student: str) -> None:
    assert graded.scores_of(student) == FULL_MARKS | {"reflection_1": 0.0}


def test_partial_credit_and_written_answers(graded: GradedClass) -> None:
    assert 0 < (graded.scores_of("wrong")["count_params"] or 0) < 3
    assert graded.scores["answered", PART, "reflection_1"] == (None, None, True)
    assert graded.scores["ref", PART, "reflection_1"] == (0.0, None, False)


@pytest.mark.parametrize("student", ["stub", "liar"])
def test_unsolved_notebook_scores_zero(graded: GradedClass, student: str) -> None:
    """Even if it contains outputs that look like full marks."""
    assert set(graded.scores_of(student).values()) == {0.0}


def test_broken_submissions_are_reported_and_affect_nobody_else(graded: GradedClass) -> None:
    assert graded.exit_code == 1
    assert "Traceback" not in graded.output
    for student, sentence in BROKEN.items():
        assert f"error processing assignment 'module6' for student '{student}'" in graded.output
        assert sentence in graded.output
        assert not (graded.root / "autograded" / student / "module6").exists()
    assert graded.output.count("for student '") == len(BROKEN)


@pytest.mark.parametrize("student", ["renamed", "swapped", "unknown"])
def test_nothing_is_recorded_of_a_student_with_misnamed_files(graded: GradedClass, student: str) -> None:
    assert not [key for key in graded.scores if key[0] == student]


def test_autograder_grade_recognizes_what_nbgrader_refuses(graded: GradedClass) -> None:
    for student in ("misnamed", "renamed", "swapped"):
        assert graded.expected_scores[student, PART, "count_params"] == (3.0, None, False)
    assert graded.expected_scores["renamed", OTHER, "mlp"] == (3.0, None, False)
    assert graded.expected_scores["unknown", OTHER, "mlp"] == (None, None, True)


def test_autograder_grade_skips_what_nbgrader_has_graded(
    graded: GradedClass, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both write the same result into the notebook, so neither repeats the other's work."""
    grade_class(graded.root, "module6", ["ref"], 1, "cpu", False, None)
    assert "2 notebooks unchanged" in capsys.readouterr().out


def test_export_shows_the_scores(graded: GradedClass) -> None:
    graded.command(ExportApp)
    with (graded.root / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows["naked"]["raw_score"]) == 4
    assert float(rows["ref"]["raw_score"]) == 7
    assert float(rows["stub"]["raw_score"]) == 0


@pytest.mark.parametrize("student", ["stub", "liar"])
def test_no_execute_has_no_effect(graded: GradedClass, student: str) -> None:
    """Stock nbgrader would give full marks to the stub, and to the liar the points that its outputs claim."""
    arguments = ["module6", f"--student={student}", "--no-execute", "--force"]
    code, output = graded.command(AutogradeApp, *arguments)
    assert code == 0
    assert "--no-execute has no effect" in output
    assert set(graded.scores_of(student).values()) == {0.0}


def test_formgrader_keeps_one_worker_and_never_forks(
    graded: GradedClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server has threads, and a forked copy of it could wait for a lock forever."""

    def refuse() -> int:
        raise AssertionError("forked from the server")

    monkeypatch.setattr(os, "fork", refuse)
    answers: list[dict[str, Any]] = []

    def request() -> None:
        answers.append(graded.regrade("wrong"))

    workers = []
    for _ in range(2):
        thread = threading.Thread(target=request)
        thread.start()
        thread.join()
        workers.append(worker_process(graded.root))
    assert [answer["success"] for answer in answers] == [True, True], answers
    assert workers[0] is workers[1]
    assert graded.scores["wrong", PART, "count_params"] == scores(graded.root)["wrong", PART, "count_params"]


def worker_process(root: Path) -> Any:
    process = shared_worker.shared_worker_for(root, "module6")._worker._process
    assert process is not None
    return process


def test_a_dead_worker_is_replaced(graded: GradedClass) -> None:
    assert graded.regrade("wrong")["success"]
    dead = worker_process(graded.root)
    dead._process.kill()
    dead._process.wait()
    assert graded.regrade("wrong")["success"]
    assert worker_process(graded.root) is not dead


def test_internal_error_records_no_score(graded: GradedClass, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scores(graded.root)
    broken = JobResult(internal_errors=["the probe broke"])
    monkeypatch.setattr(shared_worker.SharedWorker, "grade", lambda *_: broken)
    answer = graded.regrade("ref")
    assert not answer["success"]
    assert "because of an internal error: the probe broke" in answer["log"]
    assert "Traceback" not in answer["log"]
    assert scores(graded.root) == before


def test_missing_score_is_not_full_marks(graded: GradedClass, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbgrader gives full marks for a test cell without an output."""
    monkeypatch.setattr(shared_worker.SharedWorker, "grade", lambda *_: JobResult())
    before = scores(graded.root)
    answer = graded.regrade("ref")
    assert not answer["success"]
    assert scores(graded.root) == before


def test_regrading_keeps_a_manual_grade(graded: GradedClass) -> None:
    """It asks for a second look only if the automatic score changed."""
    before = scores(graded.root)["kernel", PART, "count_params"]
    for automatic, flagged in ((before[0], False), (1.0, True)):
        with closing(Gradebook(f"sqlite:///{class_gradebook(graded.root)}", "nnf")) as book:
            grade = book.find_grade("count_params", PART, "module6", "kernel")
            grade.auto_score, grade.manual_score, grade.needs_manual_grade = automatic, 2.5, False
            book.db.commit()
        assert graded.regrade("kernel")["success"]
        assert scores(graded.root)["kernel", PART, "count_params"] == (before[0], 2.5, flagged)


def test_a_changed_grader_starts_a_new_worker(graded: GradedClass) -> None:
    before = shared_worker.shared_worker_for(graded.root, "module6")
    assert shared_worker.shared_worker_for(graded.root, "module6") is before
    grader = graded.root / "tests" / "module6" / "mlp" / "test_mlp.py"
    os.utime(grader, (0, 0))
    assert shared_worker.shared_worker_for(graded.root, "module6") is not before
