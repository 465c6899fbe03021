"""The released imports, which are there whatever a student adds around them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.core.records import PRELUDE, CodeCell
from autograder.intake.released_imports import prelude
from autograder.intake.skeleton import code_cells
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.process.run_cells import run_cells
from tests.engine.process.cells import LIMITS, PATIENT
from tests.engine.support.small_course import cell, graded, notebook, solution


def released(*cells: dict[str, object]) -> nbformat.NotebookNode:
    return nbformat.from_dict(notebook() | {"cells": list(cells)})


def test_the_imports_at_the_top_level_of_given_cells() -> None:
    skeleton = released(
        cell(
            "a",
            "%matplotlib inline\nfrom __future__ import annotations\nimport math, json\n\nimport numpy as np",
        ),
        cell(
            "b",
            "x = 1\nfrom time import perf_counter\ndef f():\n    import os\ntry:\n    import sys\nfinally: pass",
        ),
        cell("text", "import nothing", "markdown"),
        cell("bash", "%%bash\nls"),
        solution("slope", "import fractions"),
        graded("slope", "import decimal", 1),
        cell("again", "import numpy as np"),
    )
    lines = ["import math, json", "import numpy as np", "from time import perf_counter"]
    assert prelude(skeleton) == CodeCell(PRELUDE, "\n".join(lines))
    assert code_cells(skeleton, skeleton)[0] == prelude(skeleton)


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with launcher_for(LIMITS) as launcher:
        yield launcher


IMPORTS = CodeCell(PRELUDE, "import this_is_missing\nimport math, json\nfrom os import path as p")


@pytest.mark.parametrize(
    "cell", ["1 / 0\nimport math", "%reset -f", "def (", "%%bash\nls", "import os; raise SystemExit"]
)
def test_they_are_there_whatever_a_cell_does(launcher: Launcher, cell: str) -> None:
    after = "def f(): return [math.floor(2.5), json.dumps(1), p.join('a', 'b')]"
    try:
        run = run_cells(launcher, [IMPORTS, CodeCell(0, cell), CodeCell(1, after)], 7, PATIENT)
        with run.process.answering() as asked:
            assert asked.f() == [2, "1", "a/b"]
    finally:
        launcher.kill_tree()


def test_they_are_silent_and_count_as_no_cell(launcher: Launcher) -> None:
    try:
        run = run_cells(launcher, [IMPORTS, CodeCell(0, "print(math.pi > 3)")], 7, PATIENT)
    finally:
        launcher.kill_tree()
    assert run.cells[PRELUDE].outputs == []
    assert run.cells[0].execution_count == 1
    assert [x.text for x in run.cells[0].outputs] == ["True\n"]


def test_a_students_own_names_come_later(launcher: Launcher) -> None:
    cells = [IMPORTS, CodeCell(0, "math = 'mine'\ndef f(): return math")]
    try:
        with run_cells(launcher, cells, 7, PATIENT).process.answering() as asked:
            assert asked.f() == "mine"
    finally:
        launcher.kill_tree()


def test_every_part_of_the_course_has_some() -> None:
    parts = sorted((Path(__file__).parents[3] / "release" / "module6").glob("part*.ipynb"))
    assert len(parts) == 4
    for part in parts:
        lines = prelude(nbformat.read(part, as_version=4)).source.splitlines()
        assert {"import torch", "import numpy as np", "from torch import nn"} <= set(lines)
