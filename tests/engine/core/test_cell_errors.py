"""The error that stopped a cell, in one line."""

from __future__ import annotations

import pytest

from autograder.core.cell_errors import cell_error
from autograder.core.records import CodeCell
from autograder.core.settings import TimeLimits
from autograder.process.choose_launcher import launcher_for
from autograder.process.run_cells import run_cells
from tests.engine.process.cells import LIMITS

CELLS = {
    "x = 1\n1 / 0": "ZeroDivisionError: division by zero (In [1], line 2)",
    "def f(:\n    pass": "SyntaxError: invalid syntax (In [2], line 1)",
    "if x:\nprint(x)": "IndentationError: expected an indented block after 'if' statement on line 1 (In [3], line 2)",
    "def g():\n    raise ValueError": None,
    "\n\ng()": "ValueError (In [4], line 2)",
    "raise ValueError('one\\ntwo')": "ValueError: one two (In [6], line 1)",
    "def h():\n    import os.nothing\nh()": (
        "ModuleNotFoundError: No module named 'os.nothing'; 'os' is not a package (In [7], line 2)"
    ),
    "import seaborn\nassert seaborn.color_palette()\nprint('below')": (
        "ModuleNotFoundError: No module named 'seaborn' where notebooks are graded (In [8], line 2)"
    ),
}


@pytest.fixture(scope="module")
def errors() -> list[str | None]:
    cells = [CodeCell(20 + number, source) for number, source in enumerate(CELLS)]
    with launcher_for(LIMITS) as launcher:
        run = run_cells(launcher, cells, 0, TimeLimits())
    return [cell_error(run.cells[cell.number].outputs) for cell in cells]


@pytest.mark.parametrize(("position", "words"), list(enumerate(CELLS.values())))
def test_kind_message_and_the_line_that_jupyter_shows(
    errors: list[str | None], position: int, words: str | None
) -> None:
    assert errors[position] == words
