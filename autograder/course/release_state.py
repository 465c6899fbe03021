"""Compare what was released with source/, without nbgrader, before anything is graded.

Submissions are graded with the cells of release/, the points of source/ and the modules of solutions/. If one
of them is older than the others, a test cell may be graded by nobody, and nbgrader then gives full marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autograder.core.errors import CourseError, ReleaseError
from autograder.course.course import Course
from autograder.course.reference_solutions import solution_module
from autograder.course.source_notebooks import SourceCell, SourceNotebook, read_source

REPAIR = "run `autograder release`"
# What nbgrader removes from a locked cell when it releases it. Concatenated, so that a search for the markers
# finds nothing in this package.
REGIONS = [
    re.compile(rf"^.*BEGIN {words}.*\n(?:.*\n)*?.*END {words}.*(?:\n|\Z)", re.MULTILINE)
    for words in ("HIDDEN " + "TESTS", "MARK " + "SCHEME")
]
GENERATED = "AUTO" + "TEST"
"""A cell with this marker is written by nbgrader when it is released."""


def refuse_outdated_release(course: Course) -> None:
    """Raise CourseError, with one sentence, unless release/ and solutions/ were made from source/.

    Prose and stubs may differ: a typo corrected in source/ changes no grade.
    """
    for sentence in release_differences(course):
        raise CourseError(f"{sentence}: {REPAIR}.")


def release_differences(course: Course) -> Iterator[str]:
    """What in release/ and solutions/ would be graded otherwise than source/ says."""
    for notebook in course.notebooks.values():
        yield from _notebook_differences(course, notebook)
        yield from _solution_differences(course, notebook)
    for path in sorted(course.release.glob("*.ipynb")):
        if path.stem not in course.notebooks and any(cell.is_grade for cell in _released(course, path).cells):
            shown = path.relative_to(course.root).as_posix()
            yield f"{shown} is left over: source/{course.assignment} has no such notebook"


def _notebook_differences(course: Course, notebook: SourceNotebook) -> Iterator[str]:
    path = course.release / f"{notebook.name}.ipynb"
    shown = path.relative_to(course.root).as_posix()
    if not path.exists():
        yield f"{path} is missing"
        return
    released = {cell.grade_id: cell for cell in _released(course, path).cells if _is_marked(cell)}
    source = {cell.grade_id: cell for cell in notebook.cells if _is_marked(cell)}
    for grade_id, cell in source.items():
        if grade_id not in released:
            yield f"{shown} has no cell {grade_id}, which {notebook.shown} has"
        elif (what := _difference(cell, released[grade_id])) is not None:
            yield f"{shown}, cell {grade_id}: {what} in {notebook.shown}"
    for grade_id, cell in released.items():
        if grade_id not in source and cell.is_grade:
            yield f"{shown} grades the cell {grade_id}, which {notebook.shown} does not have"


def _released(course: Course, path: Path) -> SourceNotebook:
    try:
        return read_source(course.root, path)
    except ReleaseError:
        shown = path.relative_to(course.root).as_posix()
        raise CourseError(f"{shown} is not a readable notebook: {REPAIR}.") from None


def _difference(source: SourceCell, released: SourceCell) -> str | None:
    """The first difference that matters to a grade, or None."""
    if source.kind != released.kind:
        return f"it is a {released.kind} cell, but a {source.kind} cell"
    if _flags(source) != _flags(released):
        return f"it is {_flags(released)}, but {_flags(source)}"
    if source.is_grade and _points(source) != _points(released):
        return f"it is worth {_points(released):g} points, but {_points(source):g}"
    if _is_locked(source) and not _same_text(source.source, released.source):
        return "its text is not the one"
    return None


def _flags(cell: SourceCell) -> str:
    tag = cell.tag or {}
    names = [name for name in ("grade", "solution", "task") if tag.get(name)]
    return " and ".join(names + ["locked"] * _is_locked(cell)) or "not marked"


def _is_marked(cell: SourceCell) -> bool:
    return any((cell.tag or {}).get(name) for name in ("grade", "solution", "locked", "task"))


def _is_locked(cell: SourceCell) -> bool:
    """As in nbgrader: whether the released text replaces what a student writes there."""
    return not cell.is_solution and (cell.is_grade or bool((cell.tag or {}).get("locked")))


def _points(cell: SourceCell) -> float:
    try:
        return float((cell.tag or {}).get("points") or 0)
    except (TypeError, ValueError):
        return 0.0


def _same_text(source: str, released: str) -> bool:
    if GENERATED in source:
        return True
    for region in REGIONS:
        source = region.sub("", source)
    return source.rstrip() == released.rstrip()


def _solution_differences(course: Course, notebook: SourceNotebook) -> Iterator[str]:
    path = course.solutions / f"{notebook.name}.py"
    if not path.exists():
        yield f"{path} is missing"
        return
    try:
        wanted = solution_module(notebook)
    except SyntaxError as error:
        raise CourseError(
            f"{notebook.shown} has a solution that is not Python ({error.msg}): {REPAIR}."
        ) from None
    if path.read_text(encoding="utf-8") != wanted:
        yield f"{path.relative_to(course.root).as_posix()} is not made from {notebook.shown} as it is now"
