"""A class whose files beside the notebooks count: helper.py, data, and what cannot be taken along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.core.limits import MAX_BESIDE_FILE_BYTES
from autograder.course.course import Course
from autograder.workers.worker_process import WorkerProcess
from tests.engine.pipeline.submitting import PART, Graded, submit
from tests.engine.support.scratch_course import edited, solved

NO_BIAS = "def count_params(a, bias=True):\n    return sum(x * y for x, y in zip(a, a[1:]))\n"


def importing(course: Course) -> dict[str, Any]:
    """The notebook with its solution imported from helper.py."""
    sources = {"count_params_solution": "from helper import count_params"}
    return edited(course, PART, lambda grade_id, released: sources.get(grade_id, released))


def points(results: dict[str, Any], student: str) -> float:
    (found,) = [x["score"] for x in results[f"{student}/{PART}"]["exercises"] if x["id"] == "count_params"]
    assert isinstance(found, float)
    return found


def test_a_helper_counts_and_a_changed_helper_is_graded_again(
    course: Course, grade: Callable[..., Graded]
) -> None:
    right = course.cell("count_params_solution").source
    helper = submit(course, "ann", importing(course)).with_name("helper.py")
    helper.write_text(right)
    submit(course, "bob", importing(course)).with_name("helper.py").write_text(NO_BIAS)
    submit(course, "cem", importing(course))
    submit(course, "dan", solved(course, PART, "count_params"))

    code, first, _, _ = grade()
    assert code == 0
    assert points(first, "ann") == points(first, "dan") == 3
    assert 0 < points(first, "bob") < 3, "each has its own helper"
    assert points(first, "cem") == 0
    assert {result["message"] for result in first.values()} == {None}

    assert "4 notebooks unchanged" in grade()[2]
    helper.write_text(NO_BIAS)
    _, second, out, _ = grade()
    assert "3 notebooks unchanged" in out
    assert points(second, "ann") == points(first, "bob")
    helper.unlink()
    assert points(grade()[1], "ann") == 0
    assert not (course.root / "autograded/ann/module6/helper.py").exists()


def test_what_was_left_out_is_named_with_the_result(course: Course, grade: Callable[..., Graded]) -> None:
    notebook = submit(course, "ann", solved(course, PART, "count_params"))
    with notebook.with_name("weights.bin").open("wb") as file:
        file.truncate(MAX_BESIDE_FILE_BYTES + 1)
    notebook.with_name("stolen.txt").symlink_to(course.root / "pyproject.toml")
    code, results, out, _ = grade()
    (result,) = results.values()
    assert (code, result["status"], points(results, "ann")) == (0, "graded", 3)
    sentence = (
        "Graded without these files beside the notebook: stolen.txt (a link), weights.bin (over 16 MiB)."
    )
    assert result["message"] == sentence
    assert "unchanged since" in grade()[2]


def test_a_file_that_changes_meanwhile_fails_one_notebook_and_is_graded_next_time(
    course: Course, grade: Callable[..., Graded], monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = submit(course, "bob", importing(course)).with_name("helper.py")
    helper.write_text(course.cell("count_params_solution").source)
    submit(course, "ann", solved(course, PART, "count_params"))
    graded = WorkerProcess.grade

    def changing(self: WorkerProcess, job: Any) -> Any:  # ann's job is the first
        helper.write_text(NO_BIAS)
        return graded(self, job)

    monkeypatch.setattr(WorkerProcess, "grade", changing)
    code, results, _, _ = grade()
    assert code == 1
    assert results[f"ann/{PART}"]["status"] == "graded"
    assert results[f"bob/{PART}"]["status"] == "failed"
    assert "helper.py changed while it waited to be graded" in results[f"bob/{PART}"]["message"]
    monkeypatch.setattr(WorkerProcess, "grade", graded)
    assert 0 < points(grade()[1], "bob") < 3


def test_released_data_and_a_students_own_data(course: Course, grade: Callable[..., Graded]) -> None:
    """The digits of part 4 are released in data/: a student may add to that folder, not change it."""
    source = "import os\nprint(sorted(os.listdir('data'))[-1], len(os.listdir('data')))"
    content = edited(course, PART, lambda grade_id, text: source if grade_id == "claims_solution" else text)
    path = submit(course, "ann", content)
    path.with_name("data").mkdir()
    path.with_name("data").joinpath("zz.csv").write_text("1")
    grade()
    text = (course.root / "autograded/ann/module6" / f"{PART}.ipynb").read_text()
    assert f"zz.csv {len(list((course.release / 'data').iterdir())) + 1}" in text
