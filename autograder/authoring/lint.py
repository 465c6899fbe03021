"""Mistakes in source notebooks, each one sentence: where, what is wrong, how to repair it.

They are looked for before nbgrader runs, because nbgrader answers most of them with a traceback
and some (a region end without a beginning, an exercise worth nothing) not at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from autograder.course.solution_regions import BEGIN, END, MARKERS, parse, regions
from autograder.course.source_notebooks import SourceCell, SourceNotebook

# The other words that nbgrader acts on, wherever in a line they stand.
HIDDEN_TESTS = ("BEGIN " + "HIDDEN TESTS", "END " + "HIDDEN TESTS")
MARK_SCHEME = ("BEGIN " + "MARK SCHEME", "END " + "MARK SCHEME")
# A student's eyes see the grade_id in every message, and a grader's folder is named after it.
GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
SCHEMA = 3


def mistakes(notebooks: list[SourceNotebook]) -> list[str]:
    """Every mistake in the assignment's notebooks, in reading order; empty when there is none."""
    found: list[str] = []
    owners: dict[str, str] = {}
    for notebook in notebooks:
        found += _in_notebook(notebook)
        found += _in_cell_ids(notebook)
        for cell in notebook.cells:
            found += [f"{notebook.shown}, cell {cell.name}: {m}" for m in _in_cell(cell)]
        found += _in_grade_ids(notebook, owners)
        found += _in_pairs(notebook)
    return found


def _in_notebook(notebook: SourceNotebook) -> Iterator[str]:
    kernel = notebook.metadata.get("kernelspec")
    if not isinstance(kernel, dict) or not kernel.get("name") or not kernel.get("display_name"):
        yield (
            f"{notebook.shown} names no kernel: open it in JupyterLab, choose the kernel"
            " Python 3 (Kernel > Change Kernel) and save."
        )


def _in_cell_ids(notebook: SourceNotebook) -> Iterator[str]:
    if notebook.minor < 5:
        yield (
            f"{notebook.shown} is written in notebook format 4.{notebook.minor}, which has no"
            " cell ids: set nbformat 4 and nbformat_minor 5 by opening and saving it in"
            " JupyterLab 4."
        )
        return
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, 1):
        where = f"{notebook.shown}, cell number {number} ({cell.grade_id or cell.kind})"
        if not CELL_ID.fullmatch(cell.id):
            yield (
                f"{where} has {'no id' if not cell.id else f'the unusable id {cell.id!r}'}: give"
                ' it "id" with 1 to 64 letters, digits, - or _, or save the notebook in'
                " JupyterLab 4."
            )
        elif cell.id in seen:
            yield f"{where} has the id {cell.id!r} of an earlier cell: give one of them another."
        seen.add(cell.id)


def _in_cell(cell: SourceCell) -> Iterator[str]:
    if cell.tag is not None:
        yield from _in_tag(cell)
    prose = "delete the words or write them differently"
    for line in cell.source.split("\n"):
        if any(words in line for words in MARKERS) and not _marks_solution(cell, line):
            yield f"the marker words in {line.strip()!r} mark no solution here: {prose}."
        elif any(words in line for words in HIDDEN_TESTS) and not cell.is_grade:
            yield f"the marker words in {line.strip()!r} belong in a test cell only: {prose}."
        elif any(words in line for words in MARK_SCHEME) and not (cell.tag or {}).get("task"):
            yield f"the marker words in {line.strip()!r} belong in a task cell only: {prose}."
    if cell.is_solution and cell.kind == "code":
        yield from _in_solution(cell)


def _in_tag(cell: SourceCell) -> Iterator[str]:
    tag = cell.tag or {}
    if tag.get("schema_version") != SCHEMA:
        yield (
            f"its nbgrader metadata has schema_version {tag.get('schema_version')!r}, not"
            f" {SCHEMA}: run `nbgrader update source`."
        )
    if any(tag.get(k) for k in ("grade", "solution", "locked")) and not GRADE_ID.fullmatch(cell.grade_id):
        yield (
            f"its grade_id {cell.grade_id!r} cannot be used: give it 1 to 64 letters, digits,"
            " - or _ in nbgrader's toolbar (Create Assignment)."
        )
    if cell.is_grade or tag.get("task"):
        points = tag.get("points")
        number = isinstance(points, int | float) and not isinstance(points, bool)
        if not number or not math.isfinite(float(points or 0)) or float(points or 0) <= 0:
            yield (
                f"it is graded and worth {points!r} points: give it more than 0 in nbgrader's"
                " toolbar, or make it no graded cell."
            )
    written = cell.is_grade and cell.is_solution
    if cell.kind == "markdown" and (cell.is_grade or cell.is_solution) and not written:
        yield (
            "a markdown cell can only be a written answer: choose `Manually graded answer` in"
            " nbgrader's toolbar."
        )


def _marks_solution(cell: SourceCell, line: str) -> bool:
    """Whether nbgrader may take this line for a marker, as the author meant it."""
    if not cell.is_solution:
        return False
    # In a written answer the markers may stand in any line: there is no comment sign to ask for.
    return cell.kind == "markdown" or bool(BEGIN.match(line) or END.match(line))


def _in_solution(cell: SourceCell) -> Iterator[str]:
    try:
        parse(cell.source)
        regions(cell.source)
    except SyntaxError as error:
        yield f"line {error.lineno} is not Python ({error.msg}): correct the reference solution."
    except ValueError as error:
        yield f"{error}: give every `### {MARKERS[0]}` one `### {MARKERS[1]}` below it."


def _in_grade_ids(notebook: SourceNotebook, owners: dict[str, str]) -> Iterator[str]:
    """Unique in the whole assignment: graders and submissions find an exercise by its grade_id."""
    for cell in notebook.cells:
        if not cell.grade_id:
            continue
        if cell.grade_id in owners:
            yield (
                f"{notebook.shown} uses the grade_id {cell.grade_id!r} again, after"
                f" {owners[cell.grade_id]}: rename one of the two in nbgrader's toolbar."
            )
        owners.setdefault(cell.grade_id, notebook.shown)


def _in_pairs(notebook: SourceNotebook) -> Iterator[str]:
    solutions: set[str] = set()
    for cell in notebook.cells:
        if cell.kind == "code" and cell.is_solution and not cell.is_grade:
            solutions.add(cell.grade_id)
        elif cell.kind == "code" and cell.is_grade and not cell.is_solution:
            wanted = f"{cell.grade_id}_solution"
            if wanted not in solutions:
                yield (
                    f"{notebook.shown}, cell {cell.name}: no solution cell with the grade_id"
                    f" {wanted!r} stands above this test cell: add one, or rename it in"
                    " nbgrader's toolbar."
                )
