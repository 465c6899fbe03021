"""The release steps: nbgrader's own, except for stubs that name what is to be written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nbformat import NotebookNode, reads
from nbgrader.converters import GenerateAssignment

from autograder.nbgrader_plugins import RELEASE_STEPS
from autograder.nbgrader_plugins.release_steps import NamedStubs
from tests.engine.support.small_course import BEGIN, END, notebook, solution


def node(content: dict[str, Any]) -> NotebookNode:
    made: NotebookNode = reads(  # type: ignore[no-untyped-call]  # nbformat has no types
        json.dumps(content), as_version=4
    )
    return made


def cleared(source: str, grade_id: str = "task") -> str:
    content: dict[str, Any] = notebook() | {"cells": [solution(grade_id, source)]}
    made, _ = NamedStubs().preprocess(node(content), {})
    return str(made.cells[0].source)


def stub(name: str) -> str:
    return f'raise NotImplementedError("{name} is not written yet")'


def test_steps_are_nbgraders_with_one_replaced() -> None:
    """If a new version of nbgrader adds a step, it must be added to RELEASE_STEPS, too."""
    steps = [f"nbgrader.preprocessors.{step.__name__}" for step in GenerateAssignment().preprocessors]
    steps[steps.index("nbgrader.preprocessors.ClearSolutions")] = RELEASE_STEPS[3]
    assert steps == RELEASE_STEPS


@pytest.mark.parametrize(
    ("head", "indent", "name"),
    [
        ("def f():\n", "    ", "f"),
        ("async def g():\n", "  ", "g"),
        ("@cache\ndef f(\n    x,\n):\n    '''def other(): no'''\n", "    ", "f"),
        ("class A:\n    def f(self):\n", "        ", "A"),
        ("def f():\n    def inner():\n", "        ", "f"),
        ("def f():\n    pass\n\nif True:\n", "    ", "task"),
        ("def f():\n    pass\n\n", "", "task"),
        ("%matplotlib inline\ndef f():\n", "    ", "f"),
    ],
)
def test_stub_has_the_name_of_the_definition_around_it(head: str, indent: str, name: str) -> None:
    source = f"{head}{indent}{BEGIN}\n{indent}x = 1\n{indent}{END}"
    assert cleared(source) == f"{head}{indent}{stub(name)}"


def test_each_region_becomes_a_stub_and_other_lines_stay() -> None:
    source = "\n".join(f"def f{n}():\n    {BEGIN}\n    return {n}\n    {END}\n    # rest {n}" for n in (1, 2))
    assert cleared(source) == "\n".join(f"def f{n}():\n    {stub(f'f{n}')}\n    # rest {n}" for n in (1, 2))


def test_a_cell_without_a_region_becomes_one_stub() -> None:
    assert cleared("x = 1", "claims") == f"# YOUR CODE HERE\n{stub('claims')}"


def test_a_region_outside_a_solution_cell_is_refused() -> None:
    content = notebook()
    content["cells"][1]["source"] = f"{BEGIN}\nx = 1\n{END}"
    with pytest.raises(RuntimeError, match="non-solution cell"):
        NamedStubs().preprocess(node(content), {})
