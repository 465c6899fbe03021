"""Stock nbgrader grades with our engine: real commands on a class that is graded once."""

from __future__ import annotations

import csv
import io
import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import AutogradeApp, ExportApp, NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.validator import Validator

from autograder.core.records import JobResult
from autograder.nbgrader_glue.config import course_config
from autograder.nbgrader_glue.logs import say_sentences
from autograder.pipeline import grade_class
from autograder.workers import shared_worker as engine
from tests.engine.support.small_class import (
    OTHER,
    PART,
    Notebook,
    hand_in,
    released,
    scores,
    solved,
    write_class,
    wrong,
)
from tests.engine.support.small_course import cell_of

FULL = {"claims": 1.0, "count_params": 3.0}
NOISE = """
import sys, warnings
warnings.warn("at the top")
print("to stderr", file=sys.stderr)
_quiet = count_params
def count_params(*args, **more):
    warnings.warn("in the call")
    return _quiet(*args, **more)
"""
BROKEN = {
    "linked": "is a link, which is not followed",
    "badjson": "part1_neurons.ipynb is no notebook (its JSON breaks at line 1)",
    "empty": "part1_neurons.ipynb is empty",
    "misnamed": "none of this student's files is named like a notebook of the assignment",
    "renamed": "part1_neurons (1).ipynb is not named like a notebook of module6",
    "stamp": "timestamp.txt holds no time that can be read",
    "stranger": "part1_neurons.ipynb holds none of this part's exercises",
}


def moved(content: Notebook) -> Notebook:
    """Tests first, one solution copied, a graded cell and a reflection deleted."""
    content = deepcopy(content)
    cells = {cell["id"]: cell for cell in content["cells"]}
    copied = cells["count_params_solution"] | {"id": "copied"}
    names = ["count_params", "imports", "claims_solution", "count_params_solution"]
    content["cells"] = [cells[name] for name in names] + [copied]
    return content


def naked(content: Notebook) -> Notebook:
    return {
        **content,
        "metadata": {},
        "cells": [cell | {"metadata": {}} for cell in content["cells"]],
    }


def other_kernel(content: Notebook) -> Notebook:
    kernel = {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}
    return content | {"metadata": {"kernelspec": kernel, "language_info": {"name": "julia"}}}


def lying(content: Notebook) -> Notebook:
    """Unsolved, with the scores that its student would like, more points, and no test."""
    content = deepcopy(content)
    for name in FULL:
        cell = cell_of(content, name)
        cell["metadata"]["nbgrader"] |= {"points": 100, "grade": True}
        cell["source"] = "3"
        data = {"text/plain": "3"}
        cell["outputs"] = [
            {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
        ]
    return content


def fill(root: Path) -> None:
    """Hand in for the whole class."""
    right, stub = solved(root), released(root)
    noisy = deepcopy(right)
    cell = cell_of(noisy, "count_params_solution")
    cell["source"] = "".join(cell["source"]) + NOISE
    crlf = deepcopy(right)
    for cell in crlf["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    answered = deepcopy(right)
    cell_of(answered, "reflection_1")["source"] = "Since one line is not enough."
    class_ = {
        "answered": answered, "crlf": crlf, "kernel": other_kernel(right), "liar": lying(stub),
        "moved": moved(right), "naked": naked(right), "noisy": noisy, "ref": right, "stub": stub,
        "wrong": wrong(root),
    }  # fmt: skip
    for student, content in class_.items():
        path = hand_in(root, student, content)
        path.with_name("timestamp.txt").write_text("2026-01-05 10:00:00 UTC")
    hand_in(root, "ref", solved(root, OTHER), OTHER)
    crlf_file = root / "submitted" / "crlf" / "module6" / f"{PART}.ipynb"
    crlf_file.write_bytes(json.dumps(crlf, indent=1).replace("\n", "\r\n").encode())
    hand_in(root, "badjson", "{nope")
    hand_in(root, "empty", "")
    hand_in(root, "misnamed", right, f"{PART} (1)")
    hand_in(root, "renamed", right, f"{PART} (1)")
    hand_in(root, "renamed", solved(root, OTHER), OTHER)
    hand_in(root, "stamp", right).with_name("timestamp.txt").write_text("yesterday or so")
    linked = root / "submitted/linked/module6" / f"{PART}.ipynb"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(f"../../ref/module6/{PART}.ipynb")
    nothing: Notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    hand_in(root, "stranger", nothing)


class Graded:
    """The class, graded by `autograder grade` in one copy and by nbgrader in the other."""

    def __init__(self, place: Path) -> None:
        self.root = write_class(place / "nbgrader")
        fill(self.root)
        self.twin = shutil.copytree(self.root, place / "twin")
        grade_class(self.twin, "module6", [], 1, "cpu", False, None)
        self.code, self.output = self.command(AutogradeApp, "module6")
        self.scores = scores(self.root)
        self.wanted = scores(self.twin)

    def command(self, app_class: Any, *arguments: str) -> tuple[Any, str]:
        """`nbgrader <command> <arguments>` in this process: its exit code and what it logs."""
        said = io.StringIO()
        handler = logging.StreamHandler(said)
        code: Any = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.root)
            app = app_class()
            app.initialize(list(arguments))
            app.log.addHandler(handler)
            try:
                app.start()
            except SystemExit as error:
                code = error.code
            finally:
                app.log.removeHandler(handler)
        return code, said.getvalue()

    def of(self, student: str) -> dict[str, float | None]:
        rows = scores(self.root).items()
        return {name: row[0] for (who, part, name), row in rows if (who, part) == (student, PART)}

    def api(self) -> NbGraderAPI:
        """What formgrader makes for each request."""
        config = course_config(self.root)
        log = logging.Logger("formgrader")  # not pytest's
        folders = CourseDirectory(config=config, log=log)
        return NbGraderAPI(folders, config=config, log=log)

    def regrade(self, student: str) -> dict[str, Any]:
        result: dict[str, Any] = self.api().autograde("module6", student)
        return result


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    try:
        yield Graded(tmp_path_factory.mktemp("class"))
    finally:
        engine.close_shared_workers()


def test_scores_are_those_of_autograder_grade(graded: Graded) -> None:
    whole = {key: row for key, row in graded.scores.items() if key[0] not in BROKEN}
    assert whole == {key: row for key, row in graded.wanted.items() if key[0] not in BROKEN}
    assert len(whole) == 10 * 4


@pytest.mark.parametrize("student", ["ref", "noisy", "moved", "naked", "crlf", "kernel"])
def test_what_is_no_mistake_costs_nothing(graded: Graded, student: str) -> None:
    assert graded.of(student) == FULL | {"reflection_1": 0.0}


def test_partial_credit_and_what_waits_for_a_person(graded: Graded) -> None:
    assert 0 < (graded.of("wrong")["count_params"] or 0) < 3
    assert graded.scores["answered", PART, "reflection_1"] == (None, None, True)
    assert graded.scores["ref", PART, "reflection_1"] == (0.0, None, False)


@pytest.mark.parametrize("student", ["stub", "liar"])
def test_nothing_done_is_nothing(graded: Graded, student: str) -> None:
    """Also when the notebook brings outputs that look like full marks."""
    assert set(graded.of(student).values()) == {0.0}


def test_broken_ones_harm_nobody_and_are_named(graded: Graded) -> None:
    assert graded.code == 1
    assert "Traceback" not in graded.output
    for student, sentence in BROKEN.items():
        assert f"error processing assignment 'module6' for student '{student}'" in graded.output
        assert sentence in graded.output
        assert not (graded.root / "autograded" / student / "module6").exists()
    assert graded.output.count("for student '") == len(BROKEN)


def test_autograder_grade_knows_what_nbgrader_has_graded(
    graded: Graded, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same result stands in both notebooks, so that neither grades again what the other did."""
    grade_class(graded.root, "module6", ["ref"], 1, "cpu", False, None)
    assert "2 notebooks unchanged" in capsys.readouterr().out


def test_export_shows_the_scores(graded: Graded) -> None:
    graded.command(ExportApp)
    with (graded.root / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert float(rows["naked"]["raw_score"]) == 4
    assert float(rows["ref"]["raw_score"]) == 7
    assert float(rows["stub"]["raw_score"]) == 0


@pytest.mark.parametrize("student", ["stub", "liar"])
def test_no_execute_grades_all_the_same(graded: Graded, student: str) -> None:
    """Stock nbgrader would give the unsolved notebook full marks, and the liar what it says."""
    arguments = ["module6", f"--student={student}", "--no-execute", "--force"]
    code, output = graded.command(AutogradeApp, *arguments)
    assert code == 0
    assert "--no-execute changes nothing" in output
    assert set(graded.of(student).values()) == {0.0}


def test_formgrader_keeps_one_worker_and_never_forks(graded: Graded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its server has threads: in a forked copy of it a lock may be held for ever."""

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
        workers.append(worker_of(graded.root))
    assert [answer["success"] for answer in answers] == [True, True], answers
    assert workers[0] is workers[1]
    assert graded.scores["wrong", PART, "count_params"] == scores(graded.root)["wrong", PART, "count_params"]


def worker_of(root: Path) -> Any:
    return engine.shared_worker_for(root, "module6")._worker


def test_a_dead_worker_is_replaced(graded: Graded) -> None:
    assert graded.regrade("wrong")["success"]
    dead = worker_of(graded.root)
    dead._process.kill()
    dead._process.wait()
    assert graded.regrade("wrong")["success"]
    assert worker_of(graded.root) is not dead


def test_our_fault_records_no_score(graded: Graded, monkeypatch: pytest.MonkeyPatch) -> None:
    before = scores(graded.root)
    monkeypatch.setattr(
        engine.SharedWorker, "grade", lambda *_: JobResult(internal_errors=["the probe broke"])
    )
    answer = graded.regrade("ref")
    assert not answer["success"]
    assert "the fault is ours: the probe broke" in answer["log"]
    assert "Traceback" not in answer["log"]
    assert scores(graded.root) == before


def test_a_score_that_is_missing_is_no_full_mark(graded: Graded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test cell without an output is full marks to nbgrader."""
    monkeypatch.setattr(engine.SharedWorker, "grade", lambda *_: JobResult())
    before = scores(graded.root)
    answer = graded.regrade("ref")
    assert not answer["success"]
    assert scores(graded.root) == before


def test_a_persons_grade_survives_and_asks_for_a_second_look(graded: Graded) -> None:
    before = scores(graded.root)["kernel", PART, "count_params"]
    with closing(Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}", "nnf")) as book:
        book.find_grade("count_params", PART, "module6", "kernel").manual_score = 2.5
        book.db.commit()
    assert graded.regrade("kernel")["success"]
    assert scores(graded.root)["kernel", PART, "count_params"] == (before[0], 2.5, True)


def validated(root: Path, path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = Validator(config=course_config(root)).validate(str(path))
    return found


def test_validate_shows_an_instructor_the_messages(graded: Graded) -> None:
    path = graded.root / "submitted" / "wrong" / "module6" / f"{PART}.ipynb"
    failed = {entry["source"][:19]: entry["raw_error"] for entry in validated(graded.root, path)["failed"]}
    assert len(failed) == 2  # the reflection is still open
    assert "The visible example fails: AssertionError: [2, 3, 1] has 13" in failed["assert count_params"]
    assert "Hint:" in failed["assert count_params"]
    assert max(len(line) for line in failed["assert count_params"].splitlines()) < 87


def test_validate_runs_visible_examples_where_there_are_no_graders(graded: Graded, tmp_path: Path) -> None:
    """A student's machine: the same settings, no hidden graders, a kernel as ever."""
    content = wrong(graded.root)
    content["cells"] = [cell for cell in content["cells"] if "count_params" in cell["id"]]
    path = tmp_path / f"{PART}.ipynb"
    path.write_text(json.dumps(content))
    config = course_config(graded.root)
    config.CourseDirectory.root = str(tmp_path)
    (entry,) = Validator(config=config).validate(str(path))["failed"]
    assert "AssertionError" in entry["raw_error"]
    assert "[2, 3, 1] has 13 parameters" in entry["raw_error"]
    assert "Hint" not in entry["raw_error"]


def test_a_changed_grader_starts_a_new_engine(graded: Graded) -> None:
    before = engine.shared_worker_for(graded.root, "module6")
    assert engine.shared_worker_for(graded.root, "module6") is before
    grader = graded.root / "tests" / "module6" / "mlp" / "test_mlp.py"
    os.utime(grader, (0, 0))
    assert engine.shared_worker_for(graded.root, "module6") is not before


def test_a_log_says_sentences_and_keeps_unknown_tracebacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("test.sentences")
    say_sentences(log)
    say_sentences(log)
    assert len(log.filters) == 1
    try:
        raise KeyError("a fault of ours")
    except KeyError:
        import traceback

        log.error(traceback.format_exc())
    assert "Traceback" in caplog.text
    assert "a fault of ours" in caplog.text
