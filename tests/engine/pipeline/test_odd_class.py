"""Right solutions in odd notebooks, graded from end to end: nobody loses a point."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.course.course import Course
from tests.engine.pipeline.odd_class import write_class
from tests.engine.pipeline.odd_students import STUDENTS

pytestmark = pytest.mark.slow
TIMEOUT = 3600.0


@dataclass
class GradedClass:
    """The course, and what the commands said."""

    course: Course
    grade: subprocess.CompletedProcess[str]
    feedback: subprocess.CompletedProcess[str]
    export: subprocess.CompletedProcess[str]

    def results(self) -> dict[str, list[dict[str, Any]]]:
        """The results of each student."""
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in STUDENTS}
        for result in json.loads((self.course.root / "results.json").read_text())["results"]:
            found[result["student"]].append(result)
        return found


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=root, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> GradedClass:
    course = write_class(tmp_path_factory.mktemp("odd") / "course")
    return GradedClass(
        course,
        command(course.root, "autograder", "grade", "--json", "results.json"),
        command(course.root, "autograder", "feedback"),
        command(course.root, "nbgrader", "export"),
    )


def lost(result: dict[str, Any]) -> list[str]:
    """A line for each exercise that lost points: its id, status and the end of its first message."""
    if result["status"] != "graded":
        return [f"{result['notebook']}: {result['status']}: {result['message']}"]
    lines = []
    for exercise in result["exercises"]:
        if exercise["status"] != "manual" and exercise["score"] != exercise["max_score"]:
            messages = [x["message"] for x in exercise["checks"] if not x["passed"]] or [""]
            told = STUDENTS[result["student"]].told
            if not told or told not in " ".join(messages):
                points = f"{exercise['score']}/{exercise['max_score']}"
                lines.append(f"{exercise['id']} {points} {exercise['status']}: {messages[0][-200:]!r}")
    return lines


def test_every_right_solution_gets_full_marks(graded: GradedClass) -> None:
    problems = []
    for name, results in graded.results().items():
        notebooks = sorted(result["notebook"] or "" for result in results)
        if notebooks != sorted(STUDENTS[name].parts):
            problems.append(f"{name}: graded {notebooks} instead of {sorted(STUDENTS[name].parts)}")
        problems += [f"{name}: {line}" for result in results for line in lost(result)]
    assert not problems, "\n".join(["", *problems])
    assert graded.grade.returncode == 0, graded.grade.stderr


def test_a_file_that_is_named_otherwise_is_mentioned(graded: GradedClass) -> None:
    """With what it was graded as, or that it was left out for a newer one."""
    said = graded.grade.stdout + graded.grade.stderr
    silent = []
    for name, results in graded.results().items():
        folder = graded.course.root / "submitted" / name / graded.course.assignment
        said_here = "".join((said + "".join(x["message"] or "" for x in results)).split())
        usual = {f"{part}.ipynb" for part in STUDENTS[name].parts}
        files = {x.name for x in folder.iterdir() if x.suffix.lower() == ".ipynb" and x.name[0] != "."}
        silent += [f"{name}: {x}" for x in sorted(files - usual) if "".join(x.split()) not in said_here]
    assert not silent, "\n".join(["", *silent])


def test_every_student_has_pages_and_a_row_with_the_same_points(graded: GradedClass) -> None:
    problems = [x.stderr for x in (graded.feedback, graded.export) if x.returncode != 0]
    with (graded.course.root / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == "module6"}
    for name, results in graded.results().items():
        folder = graded.course.root / "feedback" / name / graded.course.assignment
        pages = sorted(page.name for page in folder.glob("*.html"))
        if pages != sorted(f"{part}.html" for part in STUDENTS[name].parts):
            problems.append(f"{name}: {pages}")
        points = sum(result["score"] or 0.0 for result in results)
        row = rows.get(name, {"score": "no row"})
        if row["score"] != str(points):
            problems.append(f"{name}: {points} points, exported {row['score']}")
    assert not problems, "\n".join(["", *problems])
