"""Results are in the order of the notebooks, whichever was graded first."""

from __future__ import annotations

from pathlib import Path

from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.intake.students import Student
from autograder.intake.submission import unreadable_result
from tests.engine.support.small_class import OTHER, PART, write_class


def test_results_are_in_the_order_of_the_notebooks(tmp_path: Path) -> None:
    course = Course(write_class(tmp_path / "course"), "module6")
    student = Student("ada", course.root / "submitted/ada/module6")
    expected = [*course.notebooks, "essay"]
    assert {PART, OTHER} < set(expected)
    student.results = [_result(course, name) for name in reversed(expected)]
    assert [result.notebook for result in student.ordered_results(course)] == expected


def _result(course: Course, name: str) -> NotebookResult:
    return unreadable_result(course, Path(name), name, "ada", ValueError("none"))
