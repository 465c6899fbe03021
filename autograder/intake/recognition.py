"""Recognize a submitted notebook by its cells: its file may be called anything.

Browsers, learning management systems and students rename files, so a name is only a last resort. Some tools
also drop grade_ids and cell ids (jupytext, nbconvert, copying all cells into a new notebook); the texts of
released cells and the names that the code defines remain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from autograder.core import file_wording
from autograder.core.cells import is_written, savable, tag_of
from autograder.core.errors import Unreadable
from autograder.course.course import Course
from autograder.course.reference_solutions import only_imports
from autograder.course.solution_regions import defined_names
from autograder.intake.skeleton import read_skeleton

if TYPE_CHECKING:
    from nbformat import NotebookNode


Mark: TypeAlias = tuple[str, str]
"""A kind ("id", "text" or "name") and a value by which a released cell is known."""

DEFINITION = re.compile(r"^(?:(?:async +)?def|class) +(\w+)|^(\w+) *(?::[^=\n]+)?=(?!=)", re.MULTILINE)
SHORT_TEXT = 40  # characters; a shorter text, such as an import, may be in any notebook
SEVERAL = 1 / 2  # of the best share: the file holds this notebook as well
NAMED = 1 / 10  # of the best share: enough for the notebook that the file is named after


class Unrecognized(Unreadable):
    """A notebook has nothing in common with the one that it should be."""


@dataclass(frozen=True)
class Recognized:
    """The released notebooks that a file holds, by their names without .ipynb."""

    name: str
    """The one that it is."""
    also: tuple[str, ...] = ()
    """The others that it holds as well, as when all parts were put into one file."""
    by_cells: bool = True
    """False if only the file's name says what it is."""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)


def recognize(course: Course, submitted: NotebookNode, file: str) -> Recognized:
    """Say which of the assignment's notebooks this is: the one of which it holds the largest share.

    `file` is the file's name. It decides if several notebooks are in the file, or if none can be recognized.
    Raises Unrecognized if it is none of them.
    """
    shares = _shares(course, submitted)
    named = named_like(course, file)
    if not shares:
        if named is None:
            raise Unrecognized(
                file_wording.unknown_notebook(savable(file), course.assignment, list(course.notebooks))
            )
        refuse_unrelated(course, submitted, named, file)
        return Recognized(named, by_cells=False)
    best = max(shares.values())
    name = max(shares, key=lambda known: shares[known])
    if named is not None and shares.get(named, 0.0) >= NAMED * best:
        name = named
    also = [known for known, share in shares.items() if share >= SEVERAL * best and known != name]
    return Recognized(name, tuple(also))


def named_like(course: Course, file: str) -> str | None:
    """The notebook whose name the file's name contains, whatever is around it, or None."""
    shown = f"_{_plain(file)}_"
    names = [name for name in course.notebooks if f"_{_plain(name)}_" in shown]
    return max(names, key=len, default=None)


def refuse_unrelated(course: Course, submitted: NotebookNode, name: str, file: str) -> None:
    """Raise Unrecognized if the notebook has nothing in common with the assignment.

    `name` is the notebook that it is meant to be; `file` is the file's name, for the message.
    """
    names = course.names_of(name)
    text = "\n".join(cell.source for cell in submitted.cells if cell.cell_type == "code")
    ids = {tag_of(cell).get("grade_id") for cell in submitted.cells} | {x["id"] for x in submitted.cells}
    answers = {exercise.id for exercise in course.exercises_of(name, written=True)}
    if _shares(course, submitted) or ids & answers or any(known in text for known in names):
        return
    raise Unrecognized(file_wording.other_notebook(file, ", ".join(sorted(names)[:3])))


def own_cells(course: Course, name: str, texts: Iterable[str]) -> int:
    """How many of a file's cells the student wrote or changed, if it is this notebook."""
    released = {_squeezed(cell.source) for cell in read_skeleton(course.release / f"{name}.ipynb").cells}
    return sum(_squeezed(text) not in released | {""} for text in texts)


def _plain(name: str) -> str:
    return re.sub(r"[^0-9a-z]+", "_", name.casefold()).strip("_")


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _shares(course: Course, submitted: NotebookNode) -> dict[str, float]:
    """The share of each notebook's recognizable cells that are here, without those of which there is none."""
    paths = [course.release / f"{name}.ipynb" for name in course.notebooks]
    marks = _marks(course, tuple(path.stat().st_mtime_ns for path in paths if path.exists()))
    found = _marks_in(submitted)
    shares = {
        name: sum(not known.isdisjoint(found) for known in cells) / len(cells)
        for name, cells in marks.items()
        if cells
    }
    return {name: share for name, share in shares.items() if share}


@lru_cache(maxsize=8)
def _marks(course: Course, changed: tuple[int, ...]) -> dict[str, list[frozenset[Mark]]]:
    """By notebook, the marks of each released cell that no other notebook has."""
    every = {name: list(_released_marks(course, name)) for name in course.notebooks}
    owners = Counter(mark for cells in every.values() for mark in frozenset().union(*cells))
    own = {
        name: [frozenset(mark for mark in cell if owners[mark] == 1) for cell in cells]
        for name, cells in every.items()
    }
    return {name: [cell for cell in cells if cell] for name, cells in own.items()}


def _released_marks(course: Course, name: str) -> Iterable[frozenset[Mark]]:
    """Left out is what other assignments share: the imports, and the texts of written answers."""
    solutions = {cell.grade_id: cell.source for cell in course.notebooks[name].cells if cell.is_solution}
    for cell in read_skeleton(course.release / f"{name}.ipynb").cells:
        if is_written(cell):
            continue
        marks: set[Mark] = set()
        imports = cell.cell_type == "code" and only_imports(cell.source) is not None
        if len(cell.source) >= SHORT_TEXT and not imports:
            marks.add(("text", _squeezed(cell.source)))
        if grade_id := tag_of(cell).get("grade_id"):
            marks |= {("id", grade_id), ("id", cell["id"])}
            if cell.cell_type == "code" and grade_id in solutions:
                marks |= {("name", defined) for defined in defined_names(solutions[grade_id])}
        yield frozenset(marks)


def _marks_in(submitted: NotebookNode) -> set[Mark]:
    marks: set[Mark] = set()
    for cell in submitted.cells:
        marks |= {("id", cell["id"]), ("text", _squeezed(cell.source))}
        if grade_id := tag_of(cell).get("grade_id"):
            marks.add(("id", grade_id))
        if cell.cell_type == "code":
            marks |= {("name", match[1] or match[2]) for match in DEFINITION.finditer(cell.source)}
    return marks
