"""A release that is older than source/ is refused in one sentence that names the file and the cell."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.release import make_release
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.course.release_state import refuse_outdated_release, release_differences
from tests.engine.support.small_course import (
    ASSIGNMENT,
    NOTEBOOK,
    RELEASED,
    cell,
    cell_of,
    graded,
    load,
    save,
    solution,
    write_course,
)

SOLUTIONS = Path("solutions") / ASSIGNMENT / "lines.py"
HIDDEN = "assert slope(0, 0, 1, 2) == 2\n### BEGIN {0}\nassert slope(0, 0, 1, 3) == 3\n### END {0}"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_course(tmp_path_factory.mktemp("course"))
    content = load(root / NOTEBOOK)
    cell_of(content, "slope")["source"] = HIDDEN.format("HIDDEN " + "TESTS")
    locked = cell("rules", "The rules.", "markdown", grade_id="rules", locked=True)
    save(root / NOTEBOOK, content | {"cells": [locked, *content["cells"]]})
    make_release(root, ASSIGNMENT)
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Course:
    return Course(shutil.copytree(released, tmp_path / "course"), ASSIGNMENT)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(root: Path) -> None:
        content = load(root / path)
        change(content)
        save(root / path, content)

    return apply


def tag(content: dict[str, Any], cell_id: str) -> dict[str, Any]:
    found: dict[str, Any] = cell_of(content, cell_id)["metadata"]["nbgrader"]
    return found


def add(content: dict[str, Any], *cells: dict[str, Any]) -> None:
    content["cells"] += cells


def without(content: dict[str, Any], cell_id: str) -> None:
    content["cells"].remove(cell_of(content, cell_id))


FILE = "release/week1/lines.ipynb"
OUTDATED = {
    "renamed": (edit(NOTEBOOK, lambda c: tag(c, "slope").update(grade_id="steepness")), f"{FILE} has no cell steepness"),
    "new": (
        edit(NOTEBOOK, lambda c: add(c, solution("new", "new = 1"), graded("new", "new", 1))),
        f"{FILE} has no cell new_solution",
    ),
    "deleted": (edit(NOTEBOOK, lambda c: without(c, "slope")), f"{FILE} grades the cell slope"),
    "ungraded": (edit(NOTEBOOK, lambda c: tag(c, "slope").update(grade=False, locked=False)), "grades the cell slope"),
    "points": (edit(NOTEBOOK, lambda c: tag(c, "slope").update(points=5)), "cell slope: it is worth 3 points, but 5"),
    "written points": (edit(NOTEBOOK, lambda c: tag(c, "why").update(points=5)), "cell why: it is worth 4 points, but 5"),
    "text": (edit(NOTEBOOK, lambda c: cell_of(c, "line").update(source="assert Line")), "cell line: its text is not"),
    "visible part": (
        edit(NOTEBOOK, lambda c: cell_of(c, "slope").update(source="assert slope")), "cell slope: its text is not",
    ),
    "read-only text": (
        edit(NOTEBOOK, lambda c: cell_of(c, "rules").update(source="No rules.")), "cell rules: its text is not",
    ),
    "kind": (edit(NOTEBOOK, lambda c: cell_of(c, "why").update(cell_type="raw")), "cell why: it is a markdown cell"),
    "flags": (edit(NOTEBOOK, lambda c: tag(c, "line_solution").update(solution=False, locked=True)),
              "cell line_solution: it is solution, but locked"),
    "solution": (
        edit(NOTEBOOK, lambda c: cell_of(c, "answers_solution").update(source="ANSWERS = {}")),
        "solutions/week1/lines.py is not made from source/week1/lines.ipynb as it is now",
    ),
    "edited solutions": (lambda root: (root / SOLUTIONS).write_text("slope = None\n"), "solutions/week1/lines.py is not"),
    "no solutions": (lambda root: (root / SOLUTIONS).unlink(), "solutions/week1/lines.py is missing"),
    "no release": (lambda root: shutil.rmtree(root / "release"), f"{FILE} is missing"),
    "unreadable": (lambda root: (root / RELEASED).write_text("{"), f"{FILE} is not a readable notebook"),
    "left over": (
        lambda root: shutil.copy(root / RELEASED, root / "release/week1/circles.ipynb"),
        "release/week1/circles.ipynb is left over",
    ),
    "released points": (edit(RELEASED, lambda c: tag(c, "slope").update(points=99)), "cell slope: it is worth 99 points"),
    "released cell": (edit(RELEASED, lambda c: add(c, graded("bonus", "1", 9))), f"{FILE} grades the cell bonus"),
}  # fmt: skip
HARMLESS = {
    "prose": edit(NOTEBOOK, lambda c: cell_of(c, "intro").update(source="# Lines, corrected")),
    "example": edit(NOTEBOOK, lambda c: add(c, cell("example", "slope(0, 0, 1, 1)"))),
    "stub": edit(RELEASED, lambda c: cell_of(c, "line_solution").update(source="class Line: pass")),
    "answer": edit(NOTEBOOK, lambda c: cell_of(c, "why").update(source="Another answer.")),
    "hidden test": edit(
        NOTEBOOK, lambda c: cell_of(c, "slope").update(source=HIDDEN.format("HIDDEN " + "TESTS").replace("3", "4"))
    ),
    "last line": edit(RELEASED, lambda c: cell_of(c, "line").update(source="assert Line(2, 1, 0, 0).at(3) == 7\n")),
    "caches": lambda root: (root / "release/week1/.ipynb_checkpoints").mkdir(),
}  # fmt: skip


def test_a_fresh_release_is_accepted(course: Course) -> None:
    assert list(release_differences(course)) == []


@pytest.mark.parametrize("name", OUTDATED)
def test_an_outdated_release_is_refused(course: Course, name: str) -> None:
    change, said = OUTDATED[name]
    change(course.root)
    with pytest.raises(CourseError) as error:
        refuse_outdated_release(Course(course.root, ASSIGNMENT))
    assert said in str(error.value)
    assert str(error.value).endswith(": run `autograder release`.")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_changes_no_grade_may_differ(course: Course, name: str) -> None:
    HARMLESS[name](course.root)
    assert list(release_differences(Course(course.root, ASSIGNMENT))) == []
