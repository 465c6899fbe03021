"""A machine with neither namespaces nor Landlock grades only when told to, and every report says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.worker import UNSAFE
from tests.engine import poor_machine
from tests.engine.scratch_course import ROOT, copy_course, solved

PART = "part1_neurons"


def on_a_poor_machine(*words: str) -> subprocess.CompletedProcess[str]:
    line = poor_machine.command(sys.executable, "-m", "autograder", *words)
    if line is None:
        pytest.skip("needs setpriv")
    return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = copy_course(tmp_path_factory.mktemp("poor"))
    file = course.root / "submitted/ada" / course.assignment / f"{PART}.ipynb"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(solved(course, PART, "count_params")))
    return course


def test_it_is_refused_in_one_sentence(handed_in: Course) -> None:
    done = on_a_poor_machine("grade", "--course", str(handed_in.root))
    assert done.returncode == 1
    assert done.stdout == ""
    (said,) = done.stderr.splitlines()
    assert said.startswith("autograder: here submissions could read every file")
    assert "neither namespaces (" in said
    assert said.endswith("--unsafe.")
    assert not (handed_in.root / "autograded").exists()


@pytest.mark.parametrize("setting", [False, True])
def test_the_grade_is_right_and_every_report_warns(handed_in: Course, tmp_path: Path, setting: bool) -> None:
    root = handed_in.root
    settings = root / "pyproject.toml"
    before = settings.read_text()
    results = tmp_path / "results.json"
    words = ["grade", "--force", "--course", str(root), "--json", str(results)]
    try:
        if setting:
            settings.write_text(before.replace("[tool.autograder]\n", "[tool.autograder]\nunsafe = true\n"))
        done = on_a_poor_machine(*words, *([] if setting else ["--unsafe"]))
    finally:
        settings.write_text(before)
    assert done.returncode == 0, done.stderr
    assert "open: every file you can read" in done.stderr
    assert "Graded with --unsafe" in done.stdout
    (result,) = json.loads(results.read_text())["results"]
    graded = json.loads((root / "autograded/ada" / handed_in.assignment / f"{PART}.ipynb").read_text())
    assert result["message"] == graded["metadata"]["autograder"]["result"]["message"] == UNSAFE
    assert result["status"] == "graded"
    assert {x["id"]: x["score"] for x in result["exercises"]}["count_params"] == 3.0
