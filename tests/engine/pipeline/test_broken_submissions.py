"""Every broken submission gets one clear sentence, and affects nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.course.course import Course
from autograder.intake import students
from autograder.intake.file_choice import SortedFiles, sort_files
from tests.engine.pipeline.submitting import PART, Graded, submit
from tests.engine.support.scratch_course import solved
from tests.engine.support.small_class import scores

BROKEN: dict[str, tuple[Any, str]] = {
    "json": ('{"cells": [', "is not a notebook (invalid JSON at line 1)"),
    "empty": ("", "is empty"),
    "blank": (" \n", "is empty"),
    "list": ("[1, 2]", "it has no cells"),
    "cells": ({"cells": "all"}, "it has no cells"),
    "binary": (b"\x80\x02PK\x03\x04", "it is not UTF-8 text"),
    "deep": ("[" * 100_000, "is not a notebook"),
    "html": ("<!DOCTYPE html><html></html>", "is not a notebook"),
    "other": (
        {"cells": [{"cell_type": "code", "source": "print('week 3')", "metadata": {}}]},
        "It looks like the notebook of another assignment",
    ),
}


def test_broken_submissions_get_one_sentence_each_and_affect_nobody_else(
    course: Course, grade: Callable[..., Graded]
) -> None:
    submit(course, "good", solved(course, PART, "count_params"))
    submit(course, "last", solved(course, PART, "gradient_flow"))
    for student, (content, _) in BROKEN.items():
        submit(course, student, content)
    submit(course, "named", BROKEN["other"][0], "homework.ipynb")
    submit(course, "timeless", solved(course, PART, "count_params"))
    (course.root / "submitted/timeless/module6/timestamp.txt").write_text("yesterday")
    submit(course, "[red] ümlaut", "{")
    submit(course, "latin", "{", os.fsdecode(b"p\xfcrt.ipynb"))
    legacy_name = os.fsdecode(b"m\xfcller")  # as in old zip files
    submit(course, legacy_name, solved(course, PART, "count_params"))
    reasons = {name: reason for name, (_, reason) in BROKEN.items()}
    reasons |= {
        "named": "homework.ipynb has nothing in common with a notebook",
        "timeless": "does not contain a valid time",
    }
    reasons |= {"[red] ümlaut": "invalid JSON", "latin": "p?rt.ipynb is not a notebook"}
    reasons |= {"m?ller": "is not UTF-8 text"}

    code, results, out, err = grade()
    assert code == 1
    assert "Traceback" not in out + err
    lines = [line for line in err.splitlines() if line.startswith("autograder: ")]
    assert len(lines) == len(reasons)
    for student, reason in reasons.items():
        (line,) = [line for line in lines if line.startswith(f"autograder: {student}: ")]
        assert reason in line
        (result,) = [x for x in results.values() if x["student"] == student]
        assert result["status"] == "unreadable"
        assert f"autograder: {student}: {result['message']}" == line
        assert (result["score"], result["exercises"]) == (None, [])
    table = [line for line in out.splitlines() if "/24" in line]
    assert len([line for line in table if " -/24" in line]) == len(BROKEN) + 1
    assert " 0/24" not in out
    assert results[f"good/{PART}"]["score"] == 3.0
    assert results[f"last/{PART}"]["score"] == 2.0
    assert len(results) == len(reasons) + 2
    found = scores(course.root)
    assert found["good", PART, "count_params"] == (3.0, None, False)
    assert found["last", PART, "gradient_flow"] == (2.0, None, False)
    for student in (*BROKEN, "named"):
        score, _, needs = found[student, PART, "count_params"]
        assert (score, needs) == (None, True), "a person has to look at it"


def test_a_mistake_of_ours_stops_nobody_elses_grading(
    course: Course, grade: Callable[..., Graded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the reader of files did not expect costs that student nothing, and the others nothing either."""
    for student in ("ada", "bob", "eve"):
        submit(course, student, solved(course, PART, "count_params"))
    grade()
    before = scores(course.root)
    files = graded_notebooks(course, "bob")

    def sort(course: Course, folder: Path) -> SortedFiles:
        if folder.parent.name == "bob":
            raise RecursionError("too deep")
        return sort_files(course, folder)

    monkeypatch.setattr(students, "sort_files", sort)
    code, results, _, err = grade(force=True)
    assert code == 1
    assert "bob: module6 could not be read because of an internal error (RecursionError: too deep)" in err
    assert (results["bob/"]["status"], results["bob/"]["score"]) == ("failed", None)
    assert [results[f"{x}/{PART}"]["score"] for x in ("ada", "eve")] == [3.0, 3.0]
    assert scores(course.root) == before
    assert graded_notebooks(course, "bob") == files


def graded_notebooks(course: Course, student: str) -> dict[str, bytes]:
    """What the student's folder in autograded/ holds."""
    folder = course.root / "autograded" / student
    return {str(path): path.read_bytes() for path in folder.rglob("*.ipynb")}


def test_broken_resubmission_keeps_the_first_grade(course: Course, grade: Callable[..., Graded]) -> None:
    submit(course, "ada", solved(course, PART, "count_params"))
    grade()
    before = scores(course.root)
    submit(course, "ada", "{")
    assert grade()[0] == 1
    assert scores(course.root)["ada", PART, "count_params"] == before["ada", PART, "count_params"]


def test_timestamp_or_secret_that_is_not_a_regular_file_is_ignored(
    course: Course, grade: Callable[..., Graded]
) -> None:
    for student in ("ada", "bob"):
        folder = submit(course, student, solved(course, PART, "count_params")).parent
        (folder / "timestamp.txt").unlink()
        (folder / "submission_secret.txt").unlink()
        (folder / "submission_secret.txt").symlink_to("/dev/zero")
    (course.root / "submitted/ada/module6/timestamp.txt").mkdir()
    os.mkfifo(course.root / "submitted/bob/module6/timestamp.txt")
    code, results, _, _ = grade()
    assert code == 0
    assert {x["score"] for x in results.values()} == {3.0}
    assert sorted(os.listdir(course.root / "autograded/ada/module6")) == [f"{PART}.ipynb"]


def rearranged(course: Course) -> dict[str, Any]:
    """Test cells deleted, moved and copied, metadata lost, a huge output, a cell with broken metadata."""
    data = solved(course, PART, "count_params", "gradient_flow", "collapse_linear")
    cells = data["cells"]
    ids = [x["metadata"].get("nbgrader", {}).get("grade_id") for x in cells]
    deleted = {"count_params", "claims", "reflection_1"}
    kept = [cell for cell, name in zip(cells, ids, strict=True) if name not in deleted]
    copied = next(x for x in cells if x["id"] == "gradient_flow")
    kept.append({**copied, "source": "3.0"})
    moved = next(x for x in kept if x["id"] == "collapse_linear_solution")
    kept.remove(moved)
    kept.insert(1, {**moved, "metadata": {}})
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 30_000_000}
    kept.append({"cell_type": "code", "metadata": {}, "source": "1", "outputs": [output]})
    kept.append({"cell_type": "code", "metadata": None, "source": ["print('y'", " * 9_000_000)"]})
    return {**data, "cells": kept, "metadata": {"kernelspec": {"name": "julia"}}}


def test_rearranged_and_bloated_notebooks_are_graded(course: Course, grade: Callable[..., Graded]) -> None:
    submit(course, "ada", rearranged(course))
    submit(course, "bob", solved(course, PART, "count_params"))
    code, results, _, _ = grade()
    assert code == 0
    mine = {x["id"]: x["score"] for x in results[f"ada/{PART}"]["exercises"]}
    assert mine["count_params"] == 3.0
    assert mine["gradient_flow"] == 2.0
    assert mine["collapse_linear"] == 2.0
    assert mine["claims"] == 0.0
    assert results[f"bob/{PART}"]["score"] == 3.0
    path = course.root / "autograded/ada/module6" / f"{PART}.ipynb"
    assert path.stat().st_size < 10_000_000
    graded = nbformat.read(path, as_version=4)
    names = [x.metadata.get("nbgrader", {}).get("grade_id") for x in graded.cells]
    released = nbformat.read(course.release / f"{PART}.ipynb", as_version=4)
    for cell in released.cells:
        if (name := cell.metadata.get("nbgrader", {}).get("grade_id")) is not None:
            assert names.count(name) == 1 or not cell.metadata.nbgrader.grade, name
