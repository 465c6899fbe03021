"""Reference solutions as modules: importable, tidy, and nothing but solutions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from autograder.course.reference_solutions import solution_module
from autograder.course.source_notebooks import read_sources
from tests.engine.support.small_course import (
    ASSIGNMENT,
    NOTEBOOK,
    cell,
    cell_of,
    load,
    save,
    solution,
    write_course,
)


def module(root: Path) -> str:
    (notebook,) = read_sources(root, ASSIGNMENT)
    return solution_module(notebook)


def names(text: str) -> dict[str, Any]:
    """The names that the module defines when it runs without its notebook."""
    space: dict[str, Any] = {}
    exec(compile(text, "solutions", "exec"), space)  # noqa: S102  -- our own solutions
    return space


def test_the_module_runs_and_solves_the_exercises(tmp_path: Path) -> None:
    text = module(write_course(tmp_path / "course"))
    found = names(text)
    assert found["slope"](0, 0, 2, 1) * 2 == 1
    assert found["Line"](2, 1, 0, 0).at(3) == 7
    assert found["ANSWERS"] == {"a": True}


def test_only_solutions_and_imports_in_use_are_included(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    content["cells"].insert(1, cell("demo", "import cmath as math\nprint(1)"))
    content["cells"].insert(1, cell("shell", "%%bash\nimport nothing"))
    save(root / NOTEBOOK, content)
    text = module(root)
    assert text.startswith(f'"""Reference solutions of lines.\n\nMade from {NOTEBOOK}: do not edit')
    assert "import math\nfrom fractions import Fraction\n\n\ndef slope" in text
    for word in ("json", "matplotlib", "cmath", "nothing", "assert", "SOLUTION", "own"):
        assert word not in text


def test_magics_are_dropped_but_formulas_are_not(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    magic = "%%time\n!pip list\ndef f(x):\n    if x:\n        %timeit 1\n    return x\nf?"
    content["cells"].append(solution("timed", magic))
    save(root / NOTEBOOK, content)
    text = module(root)
    assert "% 1000 + self.b" in text
    assert names(text)["f"](5) == 5


def test_module_is_tidy(tmp_path: Path) -> None:
    """ruff finds nothing unused, unsorted or unformatted."""
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    imports = cell_of(content, "imports")
    imports["source"] += "\nimport torch.nn.functional as F\nimport numpy as np\nfrom torch import nn"
    line = cell_of(content, "line_solution")  # its two-line formula is for another test
    line["source"] = "def use():\n    return np.pi, F.relu, nn.Linear, math.pi, sys.path  \n\n"
    save(root / NOTEBOOK, content)
    for arguments in (
        ["check", "--select", "E,F,I", "--isolated"],
        ["format", "--check", "--isolated"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, "--line-length", "100", "-"],
            input=module(root), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def test_import_aliases_and_submodules_are_kept(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    content["cells"].insert(1, cell("more", "from math import pi as p, tau\nimport os.path"))
    content["cells"].append(solution("round", "around = p, os.path.sep"))
    save(root / NOTEBOOK, content)
    text = module(root)
    assert "from math import pi as p\n" in text
    assert "import os.path\n" in text
    assert "tau" not in text
