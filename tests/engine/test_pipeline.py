"""A class from submitted/ to the gradebook; every broken submission gets one clear sentence."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import pipeline
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.nbgrader_glue.config import database_url
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.scratch_course import SharedPool, edited, solved
from tests.engine.support.small_class import scores

PART, OTHER = "part1_neurons", "part3_training"
Graded = tuple[int, dict[str, dict[str, Any]], str, str]
"""Exit code, results by student/notebook, stdout, stderr."""


@pytest.fixture
def course(
    scratch: Course, scratch_worker: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Course]:
    """A course to write in; the shared worker does the grading."""
    root = tmp_path / "course"
    shutil.copytree(scratch.root, root)

    class Shared(SharedPool):
        worker = scratch_worker

    monkeypatch.setattr(pipeline, "Pool", Shared)
    yield Course(root)


@pytest.fixture
def grade(course: Course, capsys: pytest.CaptureFixture[str]) -> Callable[..., Graded]:
    """Run `autograder grade`."""

    def run(*patterns: str, force: bool = False) -> Graded:
        capsys.readouterr()
        file = course.root / "results.json"
        code = pipeline.grade_class(course.root, "module6", patterns, 0, "cpu", force, file)
        printed = capsys.readouterr()
        results = json.loads(file.read_text())["results"]
        return code, {f"{x['student']}/{x['notebook']}": x for x in results}, printed.out, printed.err

    return run


def submit(course: Course, student: str, content: Any, name: str = f"{PART}.ipynb") -> Path:
    folder = course.root / "submitted" / student / course.assignment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC")
    (folder / "submission_secret.txt").write_text(f"secret of {student}", errors="replace")
    if isinstance(content, (str, bytes)):
        data = content.encode() if isinstance(content, str) else content
    else:
        data = json.dumps(content).encode()
    (folder / name).write_bytes(data)
    return folder / name


def test_class_is_graded_skipped_and_graded_again(course: Course, grade: Callable[..., Graded]) -> None:
    submit(course, "ada", solved(course, PART, "count_params", "gradient_flow"))
    submit(course, "bob", solved(course, PART, "count_params"))
    submit(course, "zoe", edited(course, PART, lambda _, released: released))
    code, results, out, _ = grade()
    assert code == 0
    assert {name: result["score"] for name, result in results.items()} == {
        f"ada/{PART}": 5.0,
        f"bob/{PART}": 3.0,
        f"zoe/{PART}": 0.0,
    }
    assert {result["status"] for result in results.values()} == {"graded"}
    assert all(name in out for name in ("ada", "bob", "zoe"))
    assert "\x1b" not in out

    first = scores(course.root)
    assert first["ada", PART, "count_params"] == (3.0, None, False)
    assert first["ada", PART, "gradient_flow"] == (2.0, None, False)
    assert first["bob", PART, "gradient_flow"] == (0.0, None, False)
    assert first["zoe", PART, "reflection_1"][0] == 0.0
    assert first["ada", OTHER, "mlp"][0] == 0.0, "a notebook that was not submitted scores 0"
    total = sum(row[0] or 0 for key, row in first.items() if key[0] == "ada")
    assert total == 5.0

    path = course.root / "autograded/ada/module6" / f"{PART}.ipynb"
    graded = nbformat.read(path, as_version=4)
    nbformat.validate(graded)
    cells = {x.metadata.get("nbgrader", {}).get("grade_id"): x for x in graded.cells}
    assert cells["count_params"].outputs[0].data["text/plain"] == "3"
    assert path.with_name("submission_secret.txt").read_text() == "secret of ada"  # for the exchange

    modified = path.stat().st_mtime_ns
    code, again, out, err = grade()
    assert (code, again) == (0, results)
    assert "3 notebooks unchanged" in out
    assert "sandbox" not in err, "a worker was started although nothing is to be graded"
    assert path.stat().st_mtime_ns == modified
    assert scores(course.root) == first

    submit(course, "bob", solved(course, PART, "count_params", "collapse_linear"))
    code, results, out, _ = grade()
    assert (results[f"bob/{PART}"]["score"], code) == (5.0, 0)
    assert "2 notebooks unchanged" in out

    code, forced, out, _ = grade("[ab]*", force=True)
    assert set(forced) == {f"ada/{PART}", f"bob/{PART}"}
    assert "unchanged" not in out
    assert path.stat().st_mtime_ns > modified


def test_manual_grade_is_kept_and_flagged(course: Course, grade: Callable[..., Graded]) -> None:
    notebook = solved(course, PART, "count_params")
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "reflection_1":
            cell["source"] = "Because the sum of affine maps is affine."
    submit(course, "ada", notebook)
    grade()
    key, auto = ("ada", PART, "reflection_1"), ("ada", PART, "count_params")
    assert scores(course.root)[key] == (None, None, True)
    with Gradebook(database_url(course.root), "nnf") as book:
        for name, score in (("reflection_1", 3.5), ("count_params", 1.0)):
            given = book.find_grade(name, PART, "module6", "ada")
            given.manual_score, given.needs_manual_grade = score, False
        book.db.commit()
    assert grade()[0] == 0
    assert scores(course.root)[key] == (None, 3.5, False), "nothing was graded again"
    assert grade(force=True)[0] == 0
    assert scores(course.root)[key] == (None, 3.5, True)
    assert scores(course.root)[auto] == (3.0, 1.0, True)


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
    submit(course, "named", solved(course, PART, "count_params"), f"{PART} (1).ipynb")
    submit(course, "timeless", solved(course, PART, "count_params"))
    (course.root / "submitted/timeless/module6/timestamp.txt").write_text("yesterday")
    submit(course, "[red] ümlaut", "{")
    submit(course, "latin", solved(course, PART, "count_params"), os.fsdecode(b"p\xfcrt.ipynb"))
    legacy_name = os.fsdecode(b"m\xfcller")  # as in old zip files
    submit(course, legacy_name, solved(course, PART, "count_params"))
    reasons = {name: reason for name, (_, reason) in BROKEN.items()}
    reasons |= {"named": "is not named like a notebook", "timeless": "does not hold a valid time"}
    reasons |= {"[red] ümlaut": "invalid JSON", "latin": "p?rt.ipynb is not named like a notebook"}
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
        assert (result["score"], result["exercises"]) == (0.0, [])
    assert results[f"good/{PART}"]["score"] == 3.0
    assert results[f"last/{PART}"]["score"] == 2.0
    assert len(results) == len(reasons) + 2
    found = scores(course.root)
    assert found["good", PART, "count_params"] == (3.0, None, False)
    assert found["last", PART, "gradient_flow"] == (2.0, None, False)
    for student in (*BROKEN, "named"):
        score, _, needs = found[student, PART, "count_params"]
        assert (score, needs) == (None, True), "a person has to look at it"


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


def test_student_without_a_notebook_is_named(course: Course, grade: Callable[..., Graded]) -> None:
    submit(course, "good", solved(course, PART, "count_params"))
    submit(course, "empty", "a picture", "photo.jpg")
    code, results, _, err = grade()
    assert code == 1
    (line,) = [line for line in err.splitlines() if line.startswith("autograder: ")]
    assert "empty" in line
    assert "no notebook" in line
    assert results[f"good/{PART}"]["score"] == 3.0


def test_students_missing_from_the_gradebook_are_graded_again(
    course: Course, grade: Callable[..., Graded]
) -> None:
    """What is in autograded/ alone does not count as recorded."""
    submit(course, "ada", solved(course, PART, "count_params"))
    grade()
    before = scores(course.root)
    shutil.copy(Path(__file__).parents[2] / "gradebook.db", course.root / "gradebook.db")
    grade()
    assert scores(course.root) == before


def test_problems_with_the_course_are_one_sentence(course: Course, grade: Callable[..., Graded]) -> None:
    with pytest.raises(CourseError, match="collect submissions first"):
        grade()
    submit(course, "ada", solved(course, PART, "count_params"))
    with pytest.raises(CourseError, match="matches 'b\\*'"):
        grade("b*")
    book = course.root / "gradebook.db"
    book.write_bytes(b"no database" * 1000)
    with pytest.raises(CourseError, match="not a database"):
        grade()
    book.unlink()
    with pytest.raises(CourseError, match="autograder release"):
        grade()
