"""Answers outside the solution cell count: above or below an untouched stub, or inside the test cell."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.core.records import CodeCell
from autograder.intake.misplaced_answers import bound_names, copy_answers_from_tests, turn_answers_into_code
from autograder.intake.notebook_file import tidy
from autograder.intake.skeleton import assemble, code_cells
from tests.engine.support.small_course import cell, cell_of, graded, solution

STUB = 'raise NotImplementedError("{} is not written yet")'
SLOPE = f'def slope(a, b):\n    """The slope."""\n    {STUB.format("slope")}'
TWO = f"def given(): return 1\n\n\ndef half(x):\n    {STUB.format('half')}\n\n\ndef third(x):\n    {STUB.format('third')}"
ANSWERS = f"# ANSWERS: a dict\n{STUB.format('answers')}"
ASKED = {"slope": ["slope"], "two": ["half", "third"], "answers": ["ANSWERS"]}
EXAMPLES = {"slope": "assert slope(1, 2) == 2", "two": "assert half(2) == 1", "answers": "assert ANSWERS"}
MINE = "def slope(a, b):\n    return b / a"


def released() -> dict[str, Any]:
    stubs = {"slope": SLOPE, "two": TWO, "answers": ANSWERS}
    cells = [cell("imports", "import math")]
    for name, stub in stubs.items():
        cells += [solution(name, stub), graded(name, EXAMPLES[name], 1)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def cells_to_run(content: dict[str, Any]) -> list[CodeCell]:
    skeleton: NotebookNode = nbformat.from_dict(released())
    submitted = tidy(content, "part.ipynb")
    turn_answers_into_code(submitted, skeleton, ASKED)
    copy_answers_from_tests(submitted, skeleton, ASKED)
    return code_cells(assemble(submitted, skeleton), skeleton, ASKED)


def state_at(content: dict[str, Any], exercise: str) -> dict[str, Any]:
    """The names bound when the exercise's test cell is about to run, as in Jupyter: an error ends its own cell."""
    names: dict[str, Any] = {}
    for found in cells_to_run(content):
        if found.tests == exercise:
            return names
        try:
            exec(found.source, names)
        except Exception:
            pass
    raise AssertionError(f"{exercise} has no test cell")


def insert(content: dict[str, Any], source: str, above: str) -> None:
    position = content["cells"].index(cell_of(content, above))
    content["cells"].insert(position, cell(f"own-{position}", source))


def above_the_stub(content: dict[str, Any]) -> None:
    insert(content, MINE, above="slope_solution")


def copied_stub_below(content: dict[str, Any]) -> None:
    stub = deepcopy(cell_of(content, "slope_solution")) | {"id": "copy"}
    cell_of(content, "slope_solution")["source"] = MINE
    content["cells"].insert(content["cells"].index(cell_of(content, "slope")), stub)


def stub_pasted_below(content: dict[str, Any]) -> None:
    """A copy without metadata, as pasting gives it."""
    cell_of(content, "slope_solution")["source"] = MINE
    insert(content, SLOPE + "\n\n", above="slope")


def inside_the_test_cell(content: dict[str, Any]) -> None:
    cell_of(content, "slope")["source"] = f"{MINE}\n\n{EXAMPLES['slope']}"


def inside_a_test_cell_without_metadata(content: dict[str, Any]) -> None:
    inside_the_test_cell(content)
    cell_of(content, "slope")["metadata"] = {}


def in_text(content: dict[str, Any], kind: str, metadata: bool = True) -> None:
    found = cell_of(content, "slope_solution")
    found |= {"cell_type": kind, "source": MINE}
    for key in ("outputs", "execution_count"):
        del found[key]
    if not metadata:
        found["metadata"] = {}


def as_markdown(content: dict[str, Any]) -> None:
    in_text(content, "markdown")


def as_raw_text_without_metadata(content: dict[str, Any]) -> None:
    in_text(content, "raw", metadata=False)


def in_both_cells(content: dict[str, Any]) -> None:
    cell_of(content, "slope_solution")["source"] = "def slope(a, b): return 0"
    inside_the_test_cell(content)


def imported_above_the_stub(content: dict[str, Any]) -> None:
    insert(content, "from operator import truediv as slope\nflip = slope", above="slope_solution")


def in_a_branch_above_the_stub(content: dict[str, Any]) -> None:
    insert(content, f"if True:\n    {MINE.replace(chr(10), chr(10) + '    ')}", above="slope_solution")


def assigned_above_the_stub(content: dict[str, Any]) -> None:
    insert(content, "slope = lambda a, b: b / a", above="slope_solution")


@pytest.mark.parametrize(
    "edit",
    [
        above_the_stub, copied_stub_below, stub_pasted_below, inside_the_test_cell,
        inside_a_test_cell_without_metadata, in_both_cells, imported_above_the_stub,
        in_a_branch_above_the_stub, assigned_above_the_stub, as_markdown, as_raw_text_without_metadata,
    ],
)  # fmt: skip
def test_a_misplaced_answer_counts(edit: Callable[[dict[str, Any]], None]) -> None:
    content = released()
    edit(content)
    assert state_at(content, "slope")["slope"](2, 2) == 1
    assert [x.source for x in cells_to_run(content) if x.tests == "slope"] == [EXAMPLES["slope"]]


def test_an_old_attempt_that_was_turned_into_text_stays_text() -> None:
    content = released()
    in_text(content, "raw")
    insert(content, "def slope(a, b): return 'newer'", above="slope_solution")
    assert state_at(content, "slope")["slope"](1, 2) == "newer"


def test_an_answer_that_is_no_function_counts() -> None:
    content = released()
    insert(content, "ANSWERS = {'a': True}", above="answers_solution")
    assert state_at(content, "answers")["ANSWERS"] == {"a": True}
    insert(content, "print('never mind')", above="answers")
    assert state_at(content, "answers")["ANSWERS"] == {"a": True}


def test_only_the_answered_part_of_a_stub_is_left_out() -> None:
    content = released()
    insert(content, "def half(x): return x / 2", above="two_solution")
    names = state_at(content, "two")
    assert (names["half"](4), names["given"]()) == (2, 1)
    with pytest.raises(NotImplementedError):
        names["third"](3)
    lines = next(x.source for x in cells_to_run(content) if x.solves == "two").split("\n")
    assert lines.index("def third(x):") == TWO.split("\n").index("def third(x):"), (
        "tracebacks name the right line"
    )


def test_a_stub_that_is_answered_nowhere_runs() -> None:
    content = released()
    insert(content, "import math\ndef other(x): return slope(x, x)", above="slope_solution")
    with pytest.raises(NotImplementedError):
        state_at(content, "slope")["slope"](1, 2)


def test_a_rest_of_the_stub_in_the_answer_is_kept() -> None:
    """It is the student's own mistake: in Jupyter the cell fails, too."""
    content = released()
    cell_of(content, "slope_solution")["source"] = (
        f"def slope(a, b):\n    {STUB.format('slope')}\n    return b / a"
    )
    with pytest.raises(NotImplementedError):
        state_at(content, "slope")["slope"](1, 2)


@pytest.mark.parametrize(
    "source", ["", "print('passes')", "assert slope(1, 2) == 3", "def other(): pass", "]["]
)
def test_a_test_cell_without_an_answer_is_only_restored(source: str) -> None:
    content = released()
    cell_of(content, "slope")["source"] = source
    assert [x.source for x in cells_to_run(content)] == [x.source for x in cells_to_run(released())]


def test_names_that_a_cell_may_bind() -> None:
    source = """
import a.b, c as d
from e import f as g
try:
    with open('x') as file:
        h = i, [j] = 1, [2]
except OSError:
    k: int = 1
finally:
    for x in (): async_ = 1
async def l(): inner = 1
class M: n = 1
%matplotlib inline
o.p = q[0] = 1
"""
    assert bound_names(source) == {"a", "d", "g", "h", "i", "j", "k", "async_", "l", "M"}
    assert bound_names("def f(:") == set() == bound_names("x" * 10 + "(" * 5000)


ODD = {
    "deep": "-" * 2000 + "1",
    "deeper": "-" * 100_000 + "1",
    "brackets": "(" * 100_000,
    "digits": "x = 0x" + "f" * 10_000,
    "decimal digits": "x = " + "9" * 10_000,
    "elifs": "if x: pass\n" + "elif x: pass\n" * 2000,
    "many elifs": "if x: pass\n" + "elif x: pass\n" * 30_000,
    "attributes": "x" + ".x" * 100_000,
    "long": "x = 1\n" * 100_000,
    "magics": "%time x\n" * 2000,
    "long magics": ("%time " + "x" * 10_000 + "\n") * 30,
    "no text": "x\0",
}


@pytest.mark.parametrize("source", ODD.values(), ids=ODD.keys())
def test_the_grader_survives_any_code(source: str) -> None:
    """It parses what students wrote in its own process, for the whole class."""
    content = released()
    cell_of(content, "slope_solution")["source"] = MINE
    for name in ("two", "two_solution"):
        cell_of(content, name)["source"] = source
    insert(content, source, "imports")
    insert(content, source, "slope_solution")
    sources = [found.source for found in cells_to_run(content)]
    assert MINE in sources
    assert sources.count(source.replace("\0", "")) >= 3
