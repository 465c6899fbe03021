"""Renamed, copied and misfiled notebooks, graded by the real commands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder import pipeline
from autograder.core.records import JobResult
from autograder.course.course import Course
from tests.engine.pipeline.submitting import OTHER, PART, Graded, submit
from tests.engine.support.scratch_course import SharedPool, solved
from tests.engine.support.small_class import scores

AS_BY_CELLS = "{} is graded as {}: its cells say so."
NOTES = {"cells": [{"cell_type": "code", "source": "print('week 3')", "metadata": {}}]}


def count(course: Course) -> dict[str, Any]:
    return solved(course, PART, "count_params")


def stripped(content: dict[str, Any]) -> dict[str, Any]:
    """The code alone, as in a new notebook that all cells were copied into."""
    code = [x["source"] for x in content["cells"] if x["cell_type"] == "code"]
    return {"cells": [{"cell_type": "code", "source": source, "metadata": {}} for source in code]}


def score(course: Course, student: str, exercise: str, notebook: str = PART) -> tuple[float | None, bool]:
    """The automatic score in the gradebook, and whether a person has to look at it."""
    auto, _, needs = scores(course.root)[student, notebook, exercise]
    return auto, needs


def graded_files(course: Course, student: str) -> list[str]:
    return sorted(x.name for x in (course.root / "autograded" / student / "module6").glob("*.ipynb"))


def test_renamed_notebooks_are_graded_as_what_they_are(course: Course, grade: Callable[..., Graded]) -> None:
    names = {
        "copy": "part1_neurons (1).ipynb",
        "case": "Part1_Neurons.IPYNB",
        "home": "my_homework.ipynb",
        "wrong": "part3_training.ipynb",
        "canvas": "doejane_LATE_12345_678901_part1_neurons-2.ipynb",
        "txt": "part1_neurons.ipynb.txt",
        "zip": "module6/part1_neurons.ipynb",
    }
    for student, name in names.items():
        folder = course.root / "submitted" / student / "module6" / name
        folder.parent.mkdir(parents=True)
        submit(course, student, stripped(count(course)) if student == "home" else count(course), name)
    submit(course, "wrong", solved(course, OTHER, "mlp"), "part1_neurons.ipynb")
    code, results, out, err = grade()
    assert (code, [line for line in err.splitlines() if line.startswith("autograder: ")]) == (0, [])
    for student, name in names.items():
        result = results[f"{student}/{PART}"]
        path = course.root / "submitted" / student / "module6" / name
        assert (result["score"], result["path"]) == (3.0, str(path)), student
        line = None if student == "zip" else AS_BY_CELLS.format(name, PART)
        assert result["message"] == line
        assert score(course, student, "count_params") == (3.0, False)
        if student != "wrong":
            assert graded_files(course, student) == [f"{PART}.ipynb"]
    assert results[f"wrong/{OTHER}"]["message"] == AS_BY_CELLS.format(f"{PART}.ipynb", OTHER)
    assert score(course, "wrong", "mlp", OTHER) == (3.0, False)
    graded = nbformat.read(course.root / f"autograded/home/module6/{PART}.ipynb", as_version=4)
    assert graded.cells[0].source.replace("\\", "") == AS_BY_CELLS.format("my_homework.ipynb", PART)
    assert "my_homework.ipynb is graded as" in " ".join(out.split())
    code, again, out, _ = grade()
    assert (code, again) == (0, results)
    assert "8 notebooks unchanged" in out


def test_newer_file_counts_and_there_is_one_row(course: Course, grade: Callable[..., Graded]) -> None:
    path = submit(course, "ada", count(course), f"{PART} (1).ipynb")
    os.utime(path, (path.stat().st_mtime - 3600,) * 2)
    assert grade()[1][f"ada/{PART}"]["score"] == 3.0
    submit(course, "ada", solved(course, PART, "count_params", "gradient_flow"))
    code, results, _, _ = grade()
    assert (code, list(results)) == (0, [f"ada/{PART}"])
    assert results[f"ada/{PART}"]["score"] == 5.0
    assert results[f"ada/{PART}"]["message"] == (
        f"{PART}.ipynb is graded as {PART}, and not {PART} (1).ipynb: it was saved last."
    )
    path.unlink()
    code, results, _, _ = grade()
    assert results[f"ada/{PART}"]["score"] == 5.0
    assert results[f"ada/{PART}"]["message"] is None, "the line is gone when its cause is"
    assert graded_files(course, "ada") == [f"{PART}.ipynb"]


def test_all_parts_in_one_file_are_all_graded(course: Course, grade: Callable[..., Graded]) -> None:
    both = {"cells": count(course)["cells"] + solved(course, OTHER, "mlp")["cells"]}
    submit(course, "ada", both, "module6.ipynb")
    code, results, _, _ = grade()
    assert code == 0
    assert {name: x["score"] for name, x in results.items()} == {f"ada/{PART}": 3.0, f"ada/{OTHER}": 3.0}
    (line,) = {x["message"] for x in results.values()}
    assert line == f"module6.ipynb holds several notebooks and is graded as each of them: {PART}, {OTHER}."
    assert graded_files(course, "ada") == [f"{PART}.ipynb", f"{OTHER}.ipynb"]


@pytest.mark.parametrize("before", ["nothing", "another part", "a zero"])
def test_notebook_of_nothing_known_is_no_zero(
    course: Course, grade: Callable[..., Graded], before: str
) -> None:
    if before != "nothing":
        submit(course, "ada", solved(course, OTHER, "mlp"), f"{OTHER}.ipynb")
    if before == "a zero":
        grade()
        assert score(course, "ada", "count_params") == (0.0, False), "nothing was handed in for it"
    submit(course, "ada", NOTES, "homework.ipynb")
    code, results, out, err = grade()
    assert code == 1
    result = results["ada/homework"]
    assert (result["status"], result["score"], result["max_score"]) == ("unreadable", None, 0.0)
    assert "homework.ipynb has nothing in common with a notebook of module6 (part1_neurons.ipynb, " in err
    assert score(course, "ada", "count_params") == (None, True), "no 0 in the export"
    if before != "nothing":
        assert score(course, "ada", "mlp", OTHER) == (3.0, False)


def test_broken_copy_is_named_and_the_readable_one_graded(
    course: Course, grade: Callable[..., Graded]
) -> None:
    submit(course, "ada", "{")
    submit(course, "ada", count(course), f"{PART} (1).ipynb")
    submit(course, "bob", "{")
    submit(course, "bob", "", f"{PART} (1).ipynb")
    code, results, _, err = grade()
    assert code == 1
    assert results[f"ada/{PART}"]["score"] == 3.0
    assert (
        f"in place of {PART}.ipynb, which cannot be: {PART}.ipynb is not" in results[f"ada/{PART}"]["message"]
    )
    assert list(results) == [f"ada/{PART}", f"bob/{PART}"], "one row for each notebook"
    assert f"{PART} (1).ipynb is empty" in err and f"{PART}.ipynb is not a notebook" in err


def test_internal_error_has_no_score_anywhere(
    course: Course, grade: Callable[..., Graded], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Faulty(SharedPool):
        def run(self, jobs: Any) -> Any:
            for tag, _ in jobs:
                yield tag, JobResult(internal_errors=["count_params: KeyError: 'x'"])

    monkeypatch.setattr(pipeline, "Pool", Faulty)
    submit(course, "ada", count(course))
    code, results, out, _ = grade()
    assert (code, results[f"ada/{PART}"]["status"], results[f"ada/{PART}"]["score"]) == (1, "failed", None)
    assert "-/24" in out and "0/24" not in out
    assert score(course, "ada", "count_params") == (None, True)


# -- autograder run ------------------------------------------------------------------------------------


@pytest.fixture
def run(course: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run `autograder run`; returns the exit code, the results and stderr."""

    def run(*files: Path, notebook: str | None = None) -> tuple[int, list[dict[str, Any]], str]:
        capsys.readouterr()
        json_file = tmp_path / "out.json"
        code = pipeline.run_files(course.root, files, json_file, "cpu", None, notebook)
        return code, json.loads(json_file.read_text())["results"], capsys.readouterr().err

    return run


def test_run_recognizes_files(course: Course, tmp_path: Path, run: Callable[..., Any]) -> None:
    files = {
        "hw.ipynb": count(course),
        "part3_training.ipynb": count(course),
        "both.ipynb": {"cells": count(course)["cells"] + solved(course, OTHER, "mlp")["cells"]},
        "notes.ipynb": NOTES,
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    code, results, err = run(*(tmp_path / name for name in files))
    assert code == 1
    assert [(Path(x["path"]).name, x["notebook"], x["score"]) for x in results] == [
        ("hw.ipynb", PART, 3.0),
        ("part3_training.ipynb", PART, 3.0),
        ("both.ipynb", PART, 3.0),
        ("both.ipynb", OTHER, 3.0),
        ("notes.ipynb", "notes", None),
    ]
    assert results[0]["message"] == AS_BY_CELLS.format("hw.ipynb", PART)
    (line,) = [line for line in err.splitlines() if line.startswith("autograder: ")]
    assert "notes.ipynb has nothing in common" in line and "--notebook NAME" in line


def test_run_grades_as_the_notebook_that_it_is_told(
    course: Course, tmp_path: Path, run: Callable[..., Any]
) -> None:
    for name, content in (("notes.ipynb", NOTES), (f"{OTHER}.ipynb", count(course))):
        (tmp_path / name).write_text(json.dumps(content))
    code, results, _ = run(tmp_path / "notes.ipynb", tmp_path / f"{OTHER}.ipynb", notebook=PART)
    assert code == 0
    assert [(x["notebook"], x["score"], x["message"]) for x in results] == [
        (PART, 0.0, None),
        (PART, 3.0, None),
    ]
