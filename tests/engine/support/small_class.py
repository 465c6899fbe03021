"""A class of students in a small copy of this course, for tests that grade for real.

It has two exercises and a written answer from part 1 of module 6 and one exercise from part 3, so that grading
a notebook takes about a second. Everything else is the same.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from autograder.authoring.release import make_release
from autograder.nbgrader_glue.gradebook_file import class_gradebook
from tests.engine.support.small_course import ROOT, cell_of, load, save

PART, OTHER = "part1_neurons", "part3_training"
CELLS = {
    PART: ["intro", "imports", "claims_solution", "claims", "count_params-text",
           "count_params_solution", "count_params", "reflection_1-text", "reflection_1"],
    OTHER: ["intro", "imports", "mlp_solution", "mlp"],
}  # fmt: skip
Notebook = dict[str, Any]
Scores = dict[tuple[str, str, str], tuple[float | None, float | None, bool]]
NO_BIAS = """def count_params(architecture, bias=True):
    return sum(a * b for a, b in zip(architecture, architecture[1:]))"""


def write_class(root: Path) -> Path:
    """Write the small course and its release into the folder `root`; return `root`."""
    for name, cells in CELLS.items():
        path = root / "source" / "module6" / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = load(ROOT / path.relative_to(root))
        save(path, content | {"cells": [cell for cell in content["cells"] if cell["id"] in cells]})
    shutil.copytree(
        ROOT / "tests" / "module6", root / "tests" / "module6",
        ignore=lambda folder, names: [
            name for name in names
            if name == "__pycache__" or (Path(folder, name) / "chaffs.py").exists()
            and name not in ("claims", "count_params", "mlp")
        ],
    )  # fmt: skip
    for name in ("nbgrader_config.py", "pyproject.toml", "tests/__init__.py"):
        shutil.copy(ROOT / name, root / name)
    make_release(root, "module6")
    return root


def released(root: Path, name: str = PART) -> Notebook:
    return load(root / "release" / "module6" / f"{name}.ipynb")


def solved(root: Path, name: str = PART) -> Notebook:
    """The released notebook with every exercise solved and no written answers."""
    content = released(root, name)
    sources = load(root / "source" / "module6" / f"{name}.ipynb")
    for cell in content["cells"]:
        if cell["id"].endswith("_solution"):
            cell["source"] = cell_of(sources, cell["id"])["source"]
    return content


def wrong(root: Path) -> Notebook:
    """The solved notebook, except that count_params leaves out the biases."""
    content = solved(root)
    cell_of(content, "count_params_solution")["source"] = NO_BIAS
    return content


def hand_in(root: Path, student: str, content: Notebook | str, name: str = PART) -> Path:
    path = root / "submitted" / student / "module6" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), newline="")
    return path


def scores(root: Path) -> Scores:
    """By student, notebook and graded cell: automatic score, manual score, needs manual grading."""
    query = """
        SELECT submitted_assignment.student_id, notebook.name, base_cell.name,
               grade.auto_score, grade.manual_score, grade.needs_manual_grade
        FROM grade JOIN base_cell ON grade.cell_id = base_cell.id
        JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id
        JOIN notebook ON submitted_notebook.notebook_id = notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id"""
    with closing(sqlite3.connect(class_gradebook(root))) as book:
        rows = book.execute(query).fetchall()
    return {(row[0], row[1], row[2]): (row[3], row[4], bool(row[5])) for row in rows}
