"""A submission's way: from a file to cells and exercises, and from what was marked to its result."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.release import make_release
from autograder.core.errors import Unreadable
from autograder.core.records import CellRun, CheckResult, ExerciseResult, JobResult, Output
from autograder.course.course import Course
from autograder.feedback.results import finish
from autograder.intake.submission import Submission, from_notebook, open_submission, unreadable
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
def hand_in(course: Course, tmp_path: Path) -> Callable[..., Path]:
    """The released notebook, changed, as a file."""

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


def test_a_file_becomes_a_submission(course: Course, hand_in: Callable[..., Path]) -> None:
    path = hand_in(solve)
    found = open_submission(course, path, student="ada")
    assert (found.path, found.student, found.name) == (str(path), "ada", "lines")
    assert [x.id for x in found.exercises] == ["slope", "line", "answers", "why"]
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_its_job_is_the_code_cells_and_the_automatic_exercises(
    course: Course, hand_in: Callable[..., Path]
) -> None:
    found = open_submission(course, hand_in(solve))
    job = found.job()
    assert [x.id for x in job.exercises] == ["slope", "line", "answers"]
    code = [n for n, cell in enumerate(found.notebook.cells) if cell.cell_type == "code"]
    assert [cell.number for cell in job.cells] == code
    assert SLOPE in [cell.source for cell in job.cells]
    assert not job.until_failure


def test_only_the_exercises_of_its_own_notebook_are_graded(course: Course, tmp_path: Path) -> None:
    other = Course(shutil.copytree(course.root, tmp_path / "two"), ASSIGNMENT)
    for folder in (other.source, other.release):
        content = load(folder / "lines.ipynb")
        for cell in content["cells"]:
            if "nbgrader" in cell["metadata"]:
                cell["metadata"]["nbgrader"]["grade_id"] += "_too"
        save(folder / "curves.ipynb", content)
    found = open_submission(other, other.release / "curves.ipynb")
    assert [x.id for x in found.exercises] == ["slope_too", "line_too", "answers_too", "why_too"]


def test_a_name_that_no_notebook_has_is_refused_unless_one_is_given(
    course: Course, hand_in: Callable[..., Path]
) -> None:
    path = hand_in(name="lines (2).ipynb")
    with pytest.raises(Unreadable) as told:
        open_submission(course, path)
    assert str(told.value) == (
        "lines (2).ipynb is not named like a notebook of week1 (lines.ipynb): rename it and grade again."
    )
    assert open_submission(course, path, "lines").name == "lines"
    with pytest.raises(Unreadable, match="not named like"):
        open_submission(course, hand_in(), "curves")


@pytest.mark.parametrize("text", ["", "no notebook", "[]", "{}", '{"cells": 3}'])
def test_what_is_no_notebook_is_refused_by_name(course: Course, tmp_path: Path, text: str) -> None:
    path = tmp_path / "lines.ipynb"
    path.write_text(text)
    with pytest.raises(Unreadable, match=r"^lines\.ipynb is "):
        open_submission(course, path)


def test_a_missing_file_is_refused(course: Course, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"lines\.ipynb is missing"):
        open_submission(course, tmp_path / "lines.ipynb")


def strip(content: Notebook) -> None:
    """Nothing of the released notebook is left."""
    content["cells"] = [{"cell_type": "code", "metadata": {}, "source": "print(1)", "id": "a"}]


def test_another_assignment_s_notebook_is_refused(course: Course, hand_in: Callable[..., Path]) -> None:
    with pytest.raises(Unreadable, match="looks like the notebook of another assignment"):
        open_submission(course, hand_in(strip))


def test_a_notebook_that_was_read_already_is_put_on_the_skeleton_too(course: Course) -> None:
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
def test_a_written_answer_waits_for_a_person_unless_it_is_as_released(
    course: Course, hand_in: Callable[..., Path], change: Change, score: float | None
) -> None:
    result = finish(open_submission(course, hand_in(change)), JobResult())
    assert result.exercises == (ExerciseResult("why", score, 4.0, "manual"),)
    assert (result.score, result.max_score) == (0.0, 6.0)


# -- the result ----------------------------------------------------------------------------------------

CHECKS = (CheckResult("test_slope", False, 1.0, "The slope is right.\nCame back: 3", "Divide."),)
MARKED = [
    ExerciseResult("slope", 1.111, 3.0, "partial", CHECKS),
    ExerciseResult("line", 2.0, 2.0, "passed"),
    ExerciseResult("answers", 0.333, 1.0, "partial"),
]


@pytest.fixture
def submission(course: Course, hand_in: Callable[..., Path]) -> Submission:
    def change(content: Notebook) -> None:
        solve(content)
        write("Mine.")(content)

    return open_submission(course, hand_in(change), student="ada")


def done_of(submission: Submission, internal_errors: list[str] | None = None) -> JobResult:
    """Every cell printed its number; the last one was stopped."""
    numbers = [cell.number for cell in submission.job().cells]
    runs = [CellRun(n, n + 1, [Output("stream", name="stdout", text=f"cell {n}")]) for n in numbers[:-1]]
    stopped = CellRun(numbers[-1], None, [], "interrupted after 3 s")
    return JobResult([*runs, stopped], MARKED, 1.5, internal_errors or [])


def outputs(submission: Submission, cell_id: str) -> list[Any]:
    found: list[Any] = next(cell.outputs for cell in submission.notebook.cells if cell["id"] == cell_id)
    return found


def test_a_result_adds_up_the_automatic_exercises(submission: Submission) -> None:
    result = finish(submission, done_of(submission))
    assert (result.path, result.student, result.notebook) == (submission.path, "ada", "lines")
    assert (result.status, result.message, result.seconds) == ("graded", None, 1.5)
    assert (result.score, result.max_score) == (3.44, 6.0)
    assert result.exercises == (*MARKED, ExerciseResult("why", None, 4.0, "manual"))


def test_results_come_in_the_notebook_s_order(submission: Submission) -> None:
    done = done_of(submission)
    done.exercises = MARKED[::-1]
    assert [x.id for x in finish(submission, done).exercises] == ["slope", "line", "answers", "why"]


def test_outputs_scores_and_messages_are_in_the_notebook(submission: Submission) -> None:
    finish(submission, done_of(submission))
    number = next(n for n, cell in enumerate(submission.notebook.cells) if cell["id"] == "slope_solution")
    assert [x.text for x in outputs(submission, "slope_solution")] == [f"cell {number}"]
    score, shown = outputs(submission, "slope")
    assert score.data["text/plain"] == "1.111"
    assert "Hint: Divide." in shown.data["text/plain"]
    assert outputs(submission, "line")[0].data["text/plain"] == "2"


def test_a_fault_of_ours_records_no_score_and_fills_in_nothing(submission: Submission) -> None:
    done = done_of(submission, ["slope, test_slope: KeyError", "answers: no check"])
    done.exercises = [ExerciseResult("slope", None, 3.0, "internal", CHECKS), *MARKED[1:]]
    result = finish(submission, done)
    assert result.status == "failed"
    assert result.message == (
        "No score is recorded; the fault is ours: slope, test_slope: KeyError; answers: no check"
    )
    assert (result.score, result.max_score, result.seconds) == (0.0, 6.0, 1.5)
    assert [x.id for x in result.exercises] == ["slope", "line", "answers", "why"]
    assert all(not cell.get("outputs") for cell in submission.notebook.cells)


def test_a_worker_that_gave_nothing_back_leaves_what_a_person_reads(submission: Submission) -> None:
    result = finish(
        submission, JobResult(internal_errors=["the worker process died twice over this submission"])
    )
    assert result.status == "failed"
    assert [x.id for x in result.exercises] == ["why"]


@pytest.mark.parametrize(("name", "maximum"), [("lines", 6.0), ("curves", 0.0)])
def test_what_cannot_be_read_is_a_result_too(course: Course, name: str, maximum: float) -> None:
    path = Path(f"{name}.ipynb")
    result = unreadable(course, path, name, "bob", Unreadable("It is empty."))
    assert (result.path, result.student, result.notebook) == (str(path), "bob", name)
    assert (result.status, result.message) == ("unreadable", "It is empty.")
    assert (result.score, result.max_score, result.exercises) == (0.0, maximum, ())
