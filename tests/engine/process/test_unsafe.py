"""A machine with neither namespaces nor Landlock grades only with --unsafe, and every report says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import pipeline
from autograder.core.errors import CourseError
from autograder.core.records import WorkerConfig
from autograder.course.course import Course
from autograder.sandbox.capabilities import Capabilities
from autograder.workers import shared_worker, worker
from autograder.workers.service import UNSAFE
from tests.engine.hostile import poor_machine
from tests.engine.support.scratch_course import ROOT, copy_course, solved
from tests.engine.support.toy_course import ASSIGNMENT, write_toy

pytestmark = pytest.mark.slow

PART = "part1_neurons"


def on_a_poor_machine(*words: str) -> subprocess.CompletedProcess[str]:
    line = poor_machine.command(sys.executable, "-m", "autograder", *words)
    if line is None:
        pytest.skip("needs setpriv")
    return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def submitted(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = copy_course(tmp_path_factory.mktemp("poor"))
    file = course.root / "submitted/ada" / course.assignment / f"{PART}.ipynb"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(solved(course, PART, "count_params")))
    return course


def test_grading_is_refused_in_one_sentence(submitted: Course) -> None:
    done = on_a_poor_machine("grade", "--course", str(submitted.root))
    assert done.returncode == 1
    assert done.stdout == ""
    (message,) = done.stderr.splitlines()
    assert message.startswith("autograder: here submissions could read every file")
    assert "neither namespaces (" in message
    assert message.endswith("--unsafe.")
    assert not (submitted.root / "autograded").exists()


def test_the_grade_is_right_and_every_report_warns(submitted: Course, tmp_path: Path) -> None:
    root = submitted.root
    results = tmp_path / "results.json"
    words = ["grade", "--unsafe", "--course", str(root), "--json", str(results)]
    done = on_a_poor_machine(*words)
    assert done.returncode == 0, done.stderr
    assert "open: every file you can read" in done.stderr
    assert "Graded with --unsafe" in done.stdout
    (result,) = json.loads(results.read_text())["results"]
    graded = json.loads((root / "autograded/ada" / submitted.assignment / f"{PART}.ipynb").read_text())
    assert result["message"] == graded["metadata"]["autograder"]["result"]["message"] == UNSAFE
    assert result["status"] == "graded"
    assert {x["id"]: x["score"] for x in result["exercises"]}["count_params"] == 3.0


def test_grading_without_linux_needs_unsafe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course(write_toy(tmp_path), ASSIGNMENT)
    monkeypatch.setattr(worker, "probe", Capabilities)  # as on macOS and Windows
    with pytest.raises(CourseError, match="this is not Linux: .* --unsafe"):
        worker.capabilities_for(course, unsafe=False)
    assert worker.capabilities_for(course, unsafe=True) == Capabilities()


@pytest.mark.parametrize("unsafe", [False, True])
def test_a_course_can_allow_unsafe_grading_for_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unsafe: bool
) -> None:
    root = write_toy(tmp_path)
    settings = root / "pyproject.toml"
    settings.write_text(f"[tool.autograder]\nunsafe = {str(unsafe).lower()}\n{settings.read_text()}")
    configs: list[WorkerConfig] = []

    def record(config: WorkerConfig, *_: object) -> None:
        configs.append(config)
        raise CourseError("recorded")

    monkeypatch.setattr(pipeline, "Pool", record)
    monkeypatch.setattr(shared_worker, "WorkerProcess", record)
    monkeypatch.setattr(shared_worker, "refuse_outdated_release", lambda course: None)  # the toy has none
    for flag in (False, True):
        with pytest.raises(CourseError, match="recorded"):
            next(pipeline.grade_submissions(Course(root, ASSIGNMENT), [("tag", None)], 1, None, 0, flag))
    with pytest.raises(CourseError, match="recorded"):  # nbgrader's commands and formgrader
        shared_worker.shared_worker_for(root, ASSIGNMENT)._start()
    assert [config.unsafe for config in configs] == [unsafe, True, unsafe]
