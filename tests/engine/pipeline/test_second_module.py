"""A second assignment beside the first: every command works with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import cli, pipeline
from autograder.authoring.check import command as check_command
from autograder.authoring.new_exercise import scaffold_exercise
from autograder.authoring.release import make_release
from autograder.core.records import WorkerConfig
from autograder.gradebook import sqlite_diff
from autograder.nbgrader_glue.gradebook_file import class_gradebook
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.sampled_course import SETTINGS
from tests.engine.support.scratch_course import SharedPool
from tests.engine.support.small_course import ASSIGNMENT, load, write_course

MODULE, PART = "module7", "attention"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A course with two released assignments."""
    root = write_course(tmp_path / "two")
    (root / "pyproject.toml").write_text(SETTINGS.replace("cell = 30.0", "cell = 5.0"))
    for folder in ("source", "tests"):
        (root / folder / MODULE).mkdir()
    scaffold_exercise(root, MODULE, "score", PART, 2)
    for name in (ASSIGNMENT, MODULE):
        make_release(root, name)
    return root


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command on the course, with one worker that starts with the first job."""
    started: list[WorkerProcess] = []

    class Shared(SharedPool):
        def run(self, jobs: Any) -> Any:
            if not started:
                config = WorkerConfig(str(root), MODULE, 5, "cpu", diagnose=True, unsafe=True)
                started.append(WorkerProcess(config))
            self.worker = started[0]
            return super().run(jobs)

    for module in (pipeline, check_command):
        monkeypatch.setattr(module, "Pool", Shared)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words), "--course", str(root)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    yield run
    for worker in started:
        worker.close()


def solve(root: Path, place: Path) -> Path:
    """Hand in the module's notebook, solved."""
    content = load(root / "release" / MODULE / f"{PART}.ipynb")
    for cell in content["cells"]:
        if cell["id"] == "score_solution":
            cell["source"] = "def score(x):\n    return 2 * x"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(content))
    return place


def test_every_command_works_with_a_second_module(run: Run, root: Path, tmp_path: Path) -> None:
    code, out, err = run("new", "more", "--notebook", PART, "--points", 3, "--assignment", MODULE)
    assert code == 0, err
    code, out, err = run("release", MODULE)
    assert code == 0, err
    assert f"release/{MODULE}/{PART}.ipynb" in out and "week1" not in out
    for name in (MODULE, ASSIGNMENT):
        assert run("release", name, "--check")[0] == 0

    code, out, err = run("check", "score", "more", "--assignment", MODULE)
    assert code == 0, err
    file = solve(root, tmp_path / f"{PART}.ipynb")
    code, out, err = run("run", file, "--assignment", MODULE)
    assert code == 0, err
    assert "2/5" in out

    solve(root, root / "submitted/ada" / MODULE / f"{PART}.ipynb")
    solve(root, root / "submitted/ada" / ASSIGNMENT / f"{PART}.ipynb")
    code, out, err = run("grade", MODULE, "--json", tmp_path / "results.json")
    assert code == 0, err
    data = json.loads((tmp_path / "results.json").read_text())
    assert (data["assignment"], [x["score"] for x in data["results"]]) == (MODULE, [2.0])
    assert sqlite_diff.people(class_gradebook(root)) == (1, 1)
    assert sqlite_diff.people(root / "gradebook.db") == (0, 0)
    code, out, err = run("feedback", MODULE)
    assert code == 0, err
    assert out == f"{root}/feedback/ada/{MODULE}/{PART}.html\n"
    assert "score: 2 of 2 points" in (root / "feedback/ada" / MODULE / f"{PART}.html").read_text()


@pytest.mark.slow
def test_demo_of_a_second_module(run: Run, root: Path, tmp_path: Path) -> None:
    """Its students make the mistakes of its own buggy samples."""
    code, out, err = run("demo", "--folder", tmp_path / "demo", "--assignment", MODULE)
    assert code == 0, out + err
    results = json.loads((tmp_path / "demo/results.json").read_text())["results"]
    scores = {x["student"]: x["score"] for x in results if x["status"] == "graded"}
    assert scores["ada"] == scores["alan"] == scores["radia"] == 2.0
    assert scores["barbara"] == 0.0
    diagnoses = [y["diagnosis"] for x in results for y in x["exercises"] if y["diagnosis"]]
    assert "squares" in [x["chaff"] for x in diagnoses]
    assert sqlite_diff.people(class_gradebook(root)) == (0, 0), "the real class is not touched"
