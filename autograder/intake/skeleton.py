"""Restore the released cells of a submitted notebook.

nbgrader fails on cells that were copied, deleted or edited. The released notebook, called the *skeleton*
here, says what each graded cell must be: in the assembled notebook each occurs exactly once, with the
student's text only where students may write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from autograder.core.cells import is_solution, is_test, tag_of
from autograder.core.errors import CourseError
from autograder.core.records import CodeCell
from autograder.intake.misplaced_answers import Asked, without_answered_stubs
from autograder.intake.notebook_file import fresh_id
from autograder.intake.released_imports import prelude

if TYPE_CHECKING:
    from nbformat import NotebookNode


READ_ONLY = {"editable": False, "deletable": False}


def read_skeleton(path: Path) -> NotebookNode:
    """Read a released notebook; shared and cached, so copy its cells before changing them.

    Raises CourseError if it is missing.
    """
    if not path.exists():
        raise CourseError(f"{path} is missing: run `autograder release`.")
    return _read_once(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read_once(path: Path, changed: int) -> NotebookNode:  # `changed` is part of the cache key
    import nbformat  # takes a second to import

    skeleton: NotebookNode = nbformat.read(path, as_version=4)
    return skeleton


def assemble(submitted: NotebookNode, skeleton: NotebookNode) -> NotebookNode:
    """The submitted cells in their order, where each graded cell is restored and occurs exactly once."""
    released = {tag["grade_id"]: cell for cell in skeleton.cells if (tag := tag_of(cell))}
    ids = {cell["id"]: grade_id for grade_id, cell in released.items()}
    chosen = _chosen(submitted, released, ids)
    cells = []
    for number, cell in enumerate(submitted.cells):
        grade_id = chosen.get(number)
        cell.metadata.pop("nbgrader", None)
        if grade_id is not None:
            _restore(cell, released[grade_id])
        cells.append(cell)
    notebook = type(submitted)({name: value for name, value in submitted.items() if name != "cells"})
    notebook.cells = _with_missing(cells, skeleton, set(chosen.values()))
    _unique_ids(notebook.cells)
    return notebook


def _chosen(
    submitted: NotebookNode, released: Mapping[str, NotebookNode], ids: Mapping[str, str]
) -> dict[int, str]:
    """Match submitted cells to released ones; if several match, the last one that was changed wins."""
    found: dict[str, int] = {}
    for number, cell in enumerate(submitted.cells):
        grade_id = tag_of(cell).get("grade_id")
        if grade_id not in released:
            grade_id = ids.get(cell["id"])
        if grade_id is None or released[grade_id].cell_type != cell.cell_type:
            continue
        unchanged = cell.source.strip() == released[grade_id].source.strip()
        if grade_id not in found or not unchanged:
            found[grade_id] = number
    return {number: grade_id for grade_id, number in found.items()}


def _restore(cell: NotebookNode, released: NotebookNode) -> None:
    """Give a cell the released metadata, and the released text too unless students may edit it."""
    tag = tag_of(released)
    cell.metadata["nbgrader"] = deepcopy(released.metadata["nbgrader"])
    if not tag.get("solution"):
        cell.source = released.source
        cell.metadata.update(READ_ONLY)
    elif cell.source.strip() == released.source.strip():
        cell.source = released.source  # blank lines alone do not make an answer


def _with_missing(cells: list[NotebookNode], skeleton: NotebookNode, present: set[str]) -> list[NotebookNode]:
    """Put deleted graded cells back, each after the released cell that precedes it."""
    result = list(cells)
    previous: str | None = None
    for released in skeleton.cells:
        grade_id = tag_of(released).get("grade_id")
        if grade_id is None:
            continue
        if grade_id not in present and tag_of(released).get("grade"):
            position = next(
                (n + 1 for n, x in enumerate(result) if tag_of(x).get("grade_id") == previous), None
            )
            result.insert(len(result) if position is None else position, deepcopy(released))
            present.add(grade_id)
        if grade_id in present:
            previous = grade_id
    return result


def _unique_ids(cells: Iterable[NotebookNode]) -> None:
    seen: set[str] = set()
    for number, cell in enumerate(cells):
        if cell["id"] in seen:
            cell["id"] = fresh_id(f"again-{number}", seen)
        seen.add(cell["id"])


def code_cells(
    notebook: NotebookNode, skeleton: NotebookNode, asked: Asked = MappingProxyType({})
) -> list[CodeCell]:
    """The cells to run, numbered by their position in the notebook, after the released imports.

    `asked` holds the names that each exercise asks for.
    """
    found = [prelude(skeleton)]
    for number, source in without_answered_stubs(notebook, skeleton, asked).items():
        cell = notebook.cells[number]
        grade_id = str(tag_of(cell).get("grade_id", ""))
        solves = grade_id.removesuffix("_solution") if is_solution(cell) else ""
        found.append(CodeCell(number, source, solves, tests=grade_id if is_test(cell) else ""))
    return found
