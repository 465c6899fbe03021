"""Odd names and links in submitted/ earn nothing and change nothing outside their own submission."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from autograder import pipeline
from autograder.course.course import Course
from tests.engine.hostile.attacked_course import PART, AttackedCourse
from tests.engine.support.scratch_course import SharedPool, solved

pytestmark = pytest.mark.slow

NAMES = ["a'b", 'a"b', "new\nline", "'; DROP TABLE grade; --", "$(touch pwned)", "-rf", "{student_id}", "[a-z]*",
         "..x", "a\\b", "%s%n", "<script>evil()", "\u202egnp", "x" * 200, "[red]bold"]  # fmt: skip
HONEST = ("ada", "zoe", NAMES[0], NAMES[3])


@pytest.fixture
def course(quick: AttackedCourse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A copy of the quick course without submissions; commands grade it with the shared worker."""

    class Shared(SharedPool):
        worker = quick.worker

    monkeypatch.setattr(pipeline, "Pool", Shared)
    course = Course(shutil.copytree(quick.course.root, tmp_path / "course"))
    shutil.rmtree(course.root / "submitted")
    return course


def grade(course: Course, file: Path) -> list[dict[str, Any]]:
    """Grade the class and write its results file; returns the results."""
    pipeline.grade_class(course.root, "module6", [], 0, "cpu", False, file)
    results: list[dict[str, Any]] = json.loads(file.read_text())["results"]
    return results


def test_names_of_folders_are_only_names(course: Course, tmp_path: Path) -> None:
    """Every student gets the grade of the notebook handed in, whatever the folder is called.

    What is no notebook gets none.
    """
    honest, nothing = solved(course, PART, "count_params"), {"cells": "none"}
    for name in (*NAMES, "ada", "zoe"):
        file = course.root / "submitted" / name / course.assignment / f"{PART}.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(honest if name in HONEST else nothing))
        file.with_name("a'; b\n$(touch pwned).ipynb").write_text("{}")
    before = sorted(os.listdir(course.root))
    results = grade(course, tmp_path / "results.json")
    scores = {x["student"]: x["score"] for x in results if x["notebook"] == PART}
    assert scores == {name: 3.0 if name in HONEST else None for name in (*NAMES, "ada", "zoe")}
    assert sorted(set(os.listdir(course.root)) - {"autograded"}) == sorted(set(before) - {"autograded"})
    assert set(os.listdir(course.root / "autograded")) == set(HONEST)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("linked", ["notebook", "assignment", "student"])
def test_a_link_to_somebody_elses_work_earns_nothing(course: Course, tmp_path: Path, linked: str) -> None:
    files = {
        x: course.root / "submitted" / x / course.assignment / f"{PART}.ipynb" for x in ("ada", "mallory")
    }
    files["ada"].parent.mkdir(parents=True)
    files["ada"].write_text(json.dumps(solved(course, PART, "count_params")))
    up = {"notebook": 0, "assignment": 1, "student": 2}[linked]
    link, target = ([x, *x.parents][up] for x in (files["mallory"], files["ada"]))
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    results = grade(course, tmp_path / "results.json")
    assert {x["student"]: x["score"] for x in results} == {"ada": 3.0, "mallory": None}
