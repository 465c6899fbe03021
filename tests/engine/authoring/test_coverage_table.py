"""docs/coverage.md names existing cells only, and leaves out no exercise and no part of the chapter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autograder.course.course import Course

ROOT = Path(__file__).parents[3]
CELL = re.compile(r"`([A-Za-z0-9_-]+)#([A-Za-z0-9_-]+)`")
TABLE = (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
ROWS = [line for line in TABLE.splitlines() if line.startswith("| ")]
NAMED = [pair for row in ROWS for pair in CELL.findall(row)]
EXAMPLES = (
    "XOR net",
    "ReLU against sigmoid gradients",
    "parameter counting",
    "cross-entropy against MSE",
    "backpropagation by hand",
    "learning rates",
    "dropout",
    "early stopping",
    "MNIST",
)
PARTS = [
    *(f"LO {n}:" for n in range(1, 7)),
    *(f"Problem {n}:" for n in range(1, 6)),
    *(f"Question {n}:" for n in range(1, 8)),
    *(f"Example: {name} " for name in EXAMPLES),
    *(f"Trap {n}:" for n in range(1, 13)),
]


@pytest.fixture(scope="module")
def course() -> Course:
    return Course(ROOT)


def test_every_named_cell_exists(course: Course) -> None:
    cells = {(name, cell.id) for name, notebook in course.notebooks.items() for cell in notebook.cells}
    assert set(NAMED) - cells == set()
    named_in_prose = {pair for pair in CELL.findall(TABLE) if pair not in NAMED}
    assert named_in_prose - cells == set()


def test_every_exercise_and_written_answer_is_named(course: Course) -> None:
    assert {(x.notebook, x.id) for x in course.exercises.values()} - set(NAMED) == set()


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_chapter_has_a_row_with_cells(part: str) -> None:
    rows = [row for row in ROWS if row.startswith(f"| {part}")]
    assert rows
    assert all(CELL.search(row) for row in rows)


def test_no_field_names_a_cell_twice() -> None:
    fields = [field for row in ROWS for field in row.split("|")]
    assert all(len(named) == len(set(named)) for named in map(CELL.findall, fields))
