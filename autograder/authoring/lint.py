"""Find mistakes in source notebooks. Each is one sentence: where it is, what is wrong, how to fix it.

This runs before nbgrader, which answers most of these mistakes with a traceback and overlooks the others (an
end marker without a beginning, an exercise worth nothing).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from autograder.course.solution_regions import BEGIN, END, MARKERS, parse, regions
from autograder.course.source_notebooks import SourceCell, SourceNotebook

# nbgrader also acts on these, anywhere in a line.
HIDDEN_TESTS = ("BEGIN " + "HIDDEN TESTS", "END " + "HIDDEN TESTS")
MARK_SCHEME = ("BEGIN " + "MARK SCHEME", "END " + "MARK SCHEME")
# Students see the grade_id in messages, and the grader's folder has this name.
GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
SCHEMA = 3


def mistakes(notebooks: list[SourceNotebook]) -> list[str]:
    """Every mistake in the notebooks of an assignment, in reading order."""
    found: list[str] = []
    owners: dict[str, str] = {}
    for notebook in notebooks:
        found += _notebook_mistakes(notebook)
        found += _cell_id_mistakes(notebook)
        for cell in notebook.cells:
            found += [f"{notebook.shown}, cell {cell.name}: {m}" for m in _cell_mistakes(cell)]
        found += _grade_id_mistakes(notebook, owners)
        found += _pairing_mistakes(notebook)
    return found


def _notebook_mistakes(notebook: SourceNotebook) -> Iterator[str]:
    kernel = notebook.metadata.get("kernelspec")
    if not isinstance(kernel, dict) or not kernel.get("name") or not kernel.get("display_name"):
        yield (
            f"{notebook.shown} does not name a kernel: open it in JupyterLab, choose the Python 3 kernel"
            " (Kernel > Change Kernel) and save."
        )


def _cell_id_mistakes(notebook: SourceNotebook) -> Iterator[str]:
    if notebook.minor < 5:
        yield (
            f"{notebook.shown} is in notebook format 4.{notebook.minor}, which has no cell ids: open and save"
            " it in JupyterLab 4, which writes format 4.5."
        )
        return
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, 1):
        where = f"{notebook.shown}, cell number {number} ({cell.grade_id or cell.kind})"
        if not CELL_ID.fullmatch(cell.id):
            problem = f"has the invalid id {cell.id!r}" if cell.id else "has no id"
            yield (
                f'{where} {problem}: give it an "id" of 1 to 64 letters, digits, - or _, or save the notebook'
                " in JupyterLab 4."
            )
        elif cell.id in seen:
            yield f"{where} has the same id as an earlier cell ({cell.id!r}): change one of the two."
        seen.add(cell.id)


def _cell_mistakes(cell: SourceCell) -> Iterator[str]:
    if cell.tag is not None:
        yield from _tag_mistakes(cell)
    for line in cell.source.split("\n"):
        if any(words in line for words in MARKERS) and not _is_marker(cell, line):
            yield f"the marker in {line.strip()!r} does not mark a solution here: delete or reword it."
        elif any(words in line for words in HIDDEN_TESTS) and not cell.is_grade:
            yield f"the marker in {line.strip()!r} belongs only in a test cell: delete or reword it."
        elif any(words in line for words in MARK_SCHEME) and not (cell.tag or {}).get("task"):
            yield f"the marker in {line.strip()!r} belongs only in a task cell: delete or reword it."
    if cell.is_solution and cell.kind == "code":
        yield from _solution_mistakes(cell)


def _tag_mistakes(cell: SourceCell) -> Iterator[str]:
    tag = cell.tag or {}
    if tag.get("schema_version") != SCHEMA:
        yield (
            f"its nbgrader metadata has schema_version {tag.get('schema_version')!r}, not"
            f" {SCHEMA}: run `nbgrader update source`."
        )
    if any(tag.get(k) for k in ("grade", "solution", "locked")) and not GRADE_ID.fullmatch(cell.grade_id):
        yield (
            f"its grade_id {cell.grade_id!r} is invalid: use 1 to 64 letters, digits, - or _"
            " (in nbgrader's Create Assignment toolbar)."
        )
    if cell.is_grade or tag.get("task"):
        points = tag.get("points")
        number = isinstance(points, int | float) and not isinstance(points, bool)
        if not number or not math.isfinite(float(points or 0)) or float(points or 0) <= 0:
            yield (
                f"it is graded but worth {points!r} points: give it more than 0 in nbgrader's toolbar,"
                " or make it an ungraded cell."
            )
    written = cell.is_grade and cell.is_solution
    if cell.kind == "markdown" and (cell.is_grade or cell.is_solution) and not written:
        yield (
            "a markdown cell can only be a written answer: choose `Manually graded answer` in"
            " nbgrader's toolbar."
        )


def _is_marker(cell: SourceCell, line: str) -> bool:
    """Whether a line with marker words does mark a solution region."""
    if not cell.is_solution:
        return False
    # In a written answer any line can be a marker, since Markdown has no comment sign to require.
    return cell.kind == "markdown" or bool(BEGIN.match(line) or END.match(line))


def _solution_mistakes(cell: SourceCell) -> Iterator[str]:
    try:
        parse(cell.source)
        regions(cell.source)
    except SyntaxError as error:
        yield f"line {error.lineno} is not valid Python ({error.msg}): correct the reference solution."
    except ValueError as error:
        yield f"{error}: give every `### {MARKERS[0]}` a matching `### {MARKERS[1]}` below it."


def _grade_id_mistakes(notebook: SourceNotebook, owners: dict[str, str]) -> Iterator[str]:
    """A grade_id must be unique in the assignment: graders and submissions find an exercise by it."""
    for cell in notebook.cells:
        if not cell.grade_id:
            continue
        if cell.grade_id in owners:
            yield (
                f"{notebook.shown} repeats the grade_id {cell.grade_id!r} of a cell in"
                f" {owners[cell.grade_id]}: rename one of the two in nbgrader's toolbar."
            )
        owners.setdefault(cell.grade_id, notebook.shown)


def _pairing_mistakes(notebook: SourceNotebook) -> Iterator[str]:
    solutions: set[str] = set()
    for cell in notebook.cells:
        if cell.kind == "code" and cell.is_solution and not cell.is_grade:
            solutions.add(cell.grade_id)
        elif cell.kind == "code" and cell.is_grade and not cell.is_solution:
            wanted = f"{cell.grade_id}_solution"
            if wanted not in solutions:
                yield (
                    f"{notebook.shown}, cell {cell.name}: there is no solution cell with the grade_id"
                    f" {wanted!r} above this test cell: add one, or rename the existing one in"
                    " nbgrader's toolbar."
                )
