"""From a file to a submission, and from a worker's answer to its result."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.authoring.release import make_release
from autograder.core.errors import Unreadable
from autograder.core.records import (
    PRELUDE,
    CellRun,
    CheckResult,
    Exercise,
    ExerciseResult,
    JobResult,
    Output,
    total,
)
from autograder.course.course import Course
from autograder.feedback.results import finish
from autograder.intake.submission import Submission, from_notebook, open_submission, unreadable_result
from tests.engine.support.small_course import ASSIGNMENT, RELEASED, SLOPE, cell_of, load, save, write_course

Notebook = dict[str, Any]
Change = Callable[[Notebook], object]
ANSWER = "*Write your answer here (about 150 to 250 words).*"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    root = write_course(tmp_path_factory.mktemp("small"))
    make_release(root, ASSIGNMENT)
    return Course(root, ASSIGNMENT)


@pytest.fixture
def submit(course: Course, tmp_path: Path) -> Callable[..., Path]:
    """Write the released notebook to a file, after a change."""

    def write(change: Change = lambda content: None, name: str = "lines.ipynb") -> Path:
        content = load(course.root / RELEASED)
        change(content)
        save(tmp_path / name, content)
        return tmp_path / name

    return write


def solve(content: Notebook) -> None:
    cell_of(content, "slope_solution")["source"] = SLOPE


def write(text: str) -> Change:
    return lambda content: cell_of(content, "why").update(source=text)


def drop(content: Notebook) -> None:
    content["cells"].remove(cell_of(content, "why"))


# -- reading -------------------------------------------------------------------------------------------


def test_file_becomes_a_submission(course: Course, submit: Callable[..., Path]) -> None:
    path = submit(solve)
    found = open_submission(course, path, student="ada")
    assert (found.path, found.student, found.name) == (str(path), "ada", "lines")
    assert [x.id for x in found.exercises] == ["slope", "line", "answers", "why"]
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_job_has_the_code_cells_and_the_automatic_exercises(
    course: Course, submit: Callable[..., Path]
) -> None:
    found = open_submission(course, submit(solve))
    job = found.job()
    assert [x.id for x in job.exercises] == ["slope", "line", "answers"]
    code = [n for n, cell in enumerate(found.notebook.cells) if cell.cell_type == "code"]
    assert [cell.number for cell in job.cells] == [PRELUDE, *code]
    assert SLOPE in [cell.source for cell in job.cells]
    assert not job.until_failure


def test_only_exercises_of_the_same_notebook_are_graded(course: Course, tmp_path: Path) -> None:
    other = Course(shutil.copytree(course.root, tmp_path / "two"), ASSIGNMENT)
    for folder in (other.source, other.release):
        content = load(folder / "lines.ipynb")
        for cell in content["cells"]:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"]["grade_id"] += "_too"
        save(folder / "curves.ipynb", content)
    found = open_submission(other, other.release / "curves.ipynb")
    assert [x.id for x in found.exercises] == ["slope_too", "line_too", "answers_too", "why_too"]


def test_renamed_file_is_graded_with_a_line_that_the_result_repeats(
    course: Course, submit: Callable[..., Path]
) -> None:
    path = submit(solve, name="my *homework*.ipynb")
    found = open_submission(course, path)
    assert found.name == "lines"
    assert found.note == "my *homework*.ipynb is graded as lines: its cells say so."
    assert found.digest != hashlib.sha256(path.read_bytes()).hexdigest(), "a new line is a new result"
    result = finish(found, job_result(found))
    assert result.message == found.note
    first, *others = found.notebook.cells
    assert first.source.replace("\\", "") == found.note, "the student reads it above the first cell"
    assert "\\*homework\\*" in first.source
    assert all("homework" not in cell.source for cell in others)
    nbformat.validate(found.notebook)


def test_given_name_needs_no_cells(course: Course, submit: Callable[..., Path]) -> None:
    found = open_submission(course, submit(strip, name="mine.ipynb"), "lines")
    assert (found.name, found.note) == ("lines", "")


@pytest.mark.parametrize("text", ["", "no notebook", "[]", "{}", '{"cells": 3}'])
def test_refusal_names_the_file(course: Course, tmp_path: Path, text: str) -> None:
    path = tmp_path / "lines.ipynb"
    path.write_text(text)
    with pytest.raises(Unreadable, match=r"^lines\.ipynb is "):
        open_submission(course, path)


def test_missing_file_is_refused(course: Course, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"lines\.ipynb is missing"):
        open_submission(course, tmp_path / "lines.ipynb")


def strip(content: Notebook) -> None:
    """Leave nothing of the released notebook."""
    content["cells"] = [{"cell_type": "code", "metadata": {}, "source": "print(1)", "id": "a"}]


def test_notebook_of_another_assignment_is_refused(course: Course, submit: Callable[..., Path]) -> None:
    with pytest.raises(Unreadable, match="looks like the notebook of another assignment"):
        open_submission(course, submit(strip))


def test_released_cells_are_restored_in_a_notebook_that_was_already_read(course: Course) -> None:
    content = load(course.root / RELEASED)
    cell_of(content, "slope")["source"] = "print('no test')"
    drop(content)
    found = from_notebook(course, content, "lines", "somewhere/lines.ipynb", None)
    assert found.digest == ""
    cells = {cell["id"]: cell.source for cell in found.notebook.cells}
    assert cells["slope"] == "assert slope(0, 0, 1, 2) == 2"
    assert cells["why"] == ANSWER


# -- written answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "score"),
    [
        (lambda content: None, 0.0),
        (write(f"\n{ANSWER}\n\n"), 0.0),
        (drop, 0.0),
        (write("A line falls where its slope is negative."), None),
        (write(f"{ANSWER} It falls."), None),
        (write(""), None),
    ],
    ids=["unchanged", "blank lines", "deleted", "changed", "added to", "emptied"],
)
def test_written_answer_has_no_score_unless_unchanged(
    course: Course, submit: Callable[..., Path], change: Change, score: float | None
) -> None:
    graded = [ExerciseResult(name, 0.0, 1.0, "wrong") for name in ("slope", "line", "answers")]
    result = finish(open_submission(course, submit(change)), JobResult(exercises=graded))
    assert result.exercises[-1] == ExerciseResult("why", score, 4.0, "manual")
    assert (result.score, result.max_score) == (0.0, 6.0)


# -- the result ----------------------------------------------------------------------------------------

CHECKS = (CheckResult("test_slope", False, 1.0, "The slope is right.\nGot: 3", "Divide."),)
GRADED = [
    ExerciseResult("slope", 1.111, 3.0, "partial", CHECKS),
    ExerciseResult("line", 2.0, 2.0, "passed"),
    ExerciseResult("answers", 0.333, 1.0, "partial"),
]


@pytest.fixture
def submission(course: Course, submit: Callable[..., Path]) -> Submission:
    def change(content: Notebook) -> None:
        solve(content)
        write("My answer.")(content)

    return open_submission(course, submit(change), student="ada")


def job_result(submission: Submission, internal_errors: list[str] | None = None) -> JobResult:
    """What a worker returns if each cell prints its number and the last one is stopped."""
    numbers = [cell.number for cell in submission.job().cells]
    runs = [CellRun(n, n + 1, [Output("stream", name="stdout", text=f"cell {n}")]) for n in numbers[:-1]]
    stopped = CellRun(numbers[-1], None, [], "interrupted after 3 s")
    return JobResult([*runs, stopped], GRADED, 1.5, internal_errors or [])


def outputs(submission: Submission, cell_id: str) -> list[Any]:
    found: list[Any] = next(cell.outputs for cell in submission.notebook.cells if cell["id"] == cell_id)
    return found


def test_result_adds_up_the_automatic_exercises(submission: Submission) -> None:
    result = finish(submission, job_result(submission))
    assert (result.path, result.student, result.notebook) == (submission.path, "ada", "lines")
    assert (result.status, result.message, result.seconds) == ("graded", None, 1.5)
    assert (result.score, result.max_score) == (3.444, 6.0)
    assert result.exercises == (*GRADED, ExerciseResult("why", None, 4.0, "manual"))


def test_sums_are_rounded(submission: Submission) -> None:
    submission.exercises = [Exercise(name, "lines", 0.1) for name in ("slope", "line", "answers")]
    graded = job_result(submission)
    graded.exercises = [ExerciseResult(x.id, 0.1, 0.1, "passed") for x in submission.exercises]
    result = finish(submission, graded)
    assert (result.score, result.max_score) == (0.3, 0.3), "0.1 + 0.1 + 0.1 is 0.30000000000000004"
    assert total([20.9, 0.3, None]) == 21.2


def test_results_follow_the_order_of_the_notebook(submission: Submission) -> None:
    graded = job_result(submission)
    graded.exercises = GRADED[::-1]
    assert [x.id for x in finish(submission, graded).exercises] == ["slope", "line", "answers", "why"]


def test_outputs_scores_and_feedback_are_in_the_notebook(submission: Submission) -> None:
    finish(submission, job_result(submission))
    number = next(n for n, cell in enumerate(submission.notebook.cells) if cell["id"] == "slope_solution")
    assert [x.text for x in outputs(submission, "slope_solution")] == [f"cell {number}"]
    score, shown = outputs(submission, "slope")
    assert score.data["text/plain"] == "1.111"
    assert "Hint: Divide." in shown.data["text/plain"]
    assert outputs(submission, "line")[0].data["text/plain"] == "2"


def test_internal_error_records_no_score_and_fills_in_nothing(submission: Submission) -> None:
    graded = job_result(submission, ["slope, test_slope: KeyError", "answers: no check"])
    graded.exercises = [ExerciseResult("slope", None, 3.0, "internal", CHECKS), *GRADED[1:]]
    result = finish(submission, graded)
    assert result.status == "failed"
    assert result.message == (
        "No score is recorded because of an internal error: slope, test_slope: KeyError; answers: no check"
    )
    assert (result.score, result.max_score, result.seconds) == (None, 6.0, 1.5)
    assert [x.id for x in result.exercises] == ["slope", "line", "answers", "why"]
    assert all(not cell.get("outputs") for cell in submission.notebook.cells)


def test_written_answers_remain_if_the_worker_returns_nothing(submission: Submission) -> None:
    result = finish(
        submission, JobResult(internal_errors=["the worker process died twice over this submission"])
    )
    assert result.status == "failed"
    assert [x.id for x in result.exercises] == ["why"]


@pytest.mark.parametrize(("name", "maximum"), [("lines", 6.0), ("curves", 0.0)])
def test_unreadable_file_has_a_result(course: Course, name: str, maximum: float) -> None:
    path = Path(f"{name}.ipynb")
    result = unreadable_result(course, path, name, "bob", Unreadable("It is empty."))
    assert (result.path, result.student, result.notebook) == (str(path), "bob", name)
    assert (result.status, result.message) == ("unreadable", "It is empty.")
    assert (result.score, result.max_score, result.exercises) == (None, maximum, ())
