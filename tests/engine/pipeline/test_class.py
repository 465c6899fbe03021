"""A class from submitted/ to the gradebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.nbgrader_glue.config import database_url
from autograder.nbgrader_glue.gradebook_file import class_gradebook
from tests.engine.pipeline.submitting import OTHER, PART, Graded, submit
from tests.engine.support.scratch_course import edited, solved
from tests.engine.support.small_class import scores


def score_in_notebook(path: Path, exercise: str) -> str:
    """What nbgrader reads as the exercise's score in a valid graded notebook."""
    graded = nbformat.read(path, as_version=4)
    nbformat.validate(graded)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in graded.cells}
    return str(cells[exercise].outputs[0].data["text/plain"])


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
    assert score_in_notebook(path, "count_params") == "3"
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


def test_force_grades_the_named_students_again(course: Course, grade: Callable[..., Graded]) -> None:
    for student in ("ada", "zoe"):
        submit(course, student, solved(course, PART, "count_params"))
    assert grade()[0] == 0
    path = course.root / "autograded/ada/module6" / f"{PART}.ipynb"
    modified = path.stat().st_mtime_ns
    code, forced, out, _ = grade("[ab]*", force=True)
    assert code == 0
    assert set(forced) == {f"ada/{PART}"}
    assert "unchanged" not in out
    assert path.stat().st_mtime_ns > modified


def test_manual_grade_is_kept(course: Course, grade: Callable[..., Graded]) -> None:
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
    assert scores(course.root)[key] == (None, 3.5, False)
    assert scores(course.root)[auto] == (3.0, 1.0, False)


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
    class_gradebook(course.root).unlink()
    grade()
    assert scores(course.root) == before


def test_problems_with_the_course_are_one_sentence(course: Course, grade: Callable[..., Graded]) -> None:
    with pytest.raises(CourseError, match="collect submissions first"):
        grade()
    submit(course, "ada", solved(course, PART, "count_params"))
    with pytest.raises(CourseError, match="matches 'b\\*'"):
        grade("b*")
    book = class_gradebook(course.root)
    book.write_bytes(b"no database" * 1000)
    with pytest.raises(CourseError, match="not a database"):
        grade()
    book.unlink()
    (course.root / "gradebook.db").unlink()
    with pytest.raises(CourseError, match="autograder release"):
        grade()
