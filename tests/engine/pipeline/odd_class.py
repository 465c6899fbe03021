"""A class of right solutions in odd notebooks: the registry of its students, and their files.

Each student is a function that edits a `Submission` whose exercises are already solved. The function's name is the
student's id, its docstring says what is odd. They are in odd_code.py, odd_elsewhere.py, odd_files.py, odd_habits.py,
odd_settings.py and odd_tools.py; importing those registers them.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course.course import Course

ROOT = Path(__file__).resolve().parents[3]
PART1, PART2, PART3, PART4 = "part1_neurons", "part2_losses", "part3_training", "part4_generalization"
Notebook = dict[str, Any]


class Submission:
    """One student's folder, with the first of `parts` as the notebook that most edits change.

    Contains no worked examples unless `whole` is set, so that grading it is quick.
    """

    def __init__(self, course: Course, parts: tuple[str, ...], whole: bool) -> None:
        self.course = course
        self.part = parts[0]
        self.notebooks: dict[str, Notebook] = {f"{x}.ipynb": solved(course, x, whole) for x in parts}
        self.files: dict[str, bytes] = {}
        """Other files in the folder."""
        self.age: dict[str, int] = {}
        """By the name of a file: how many hours ago it was changed last; 0 unless it is given."""
        self.encode: Callable[[Notebook], bytes] = lambda notebook: json.dumps(notebook).encode()
        self._added = 0

    @property
    def notebook(self) -> Notebook:
        return next(iter(self.notebooks.values()))

    def rename(self, name: str) -> None:
        """Hand the first notebook in under another name."""
        first, *others = self.notebooks
        self.notebooks = {name: self.notebooks[first]} | {x: self.notebooks[x] for x in others}

    def cell(self, cell_id: str) -> dict[str, Any]:
        found: dict[str, Any] = next(x for x in self.notebook["cells"] if x["id"] == cell_id)
        return found

    def write(self, cell_id: str, source: str) -> None:
        self.cell(cell_id)["source"] = source

    def solve(self, exercise: str, source: str) -> None:
        """Replace the solution of an exercise."""
        self.write(f"{exercise}_solution", source)

    def on_top_of(self, cell_id: str, lines: str) -> None:
        """Add lines above the first line of a cell."""
        self.write(cell_id, f"{lines}\n{self.cell(cell_id)['source']}")

    def swap(self, exercise: str, old: str, new: str) -> None:
        """Replace a piece of an exercise's solution."""
        source = self.cell(f"{exercise}_solution")["source"]
        assert old in source
        self.solve(exercise, source.replace(old, new))

    def unsolve(self, exercise: str) -> str:
        """Put the stub back; returns the solution."""
        solution: str = self.cell(f"{exercise}_solution")["source"]
        self.solve(exercise, self.stub(exercise))
        return solution

    def stub(self, exercise: str) -> str:
        return "".join(find(released(self.course, self.part), f"{exercise}_solution")["source"])

    def insert(self, source: str, *, above: str = "", below: str = "", kind: str = "code") -> dict[str, Any]:
        """Add a cell at the end, or beside the cell with this id. Returns the cell."""
        self._added += 1
        cell = {"id": f"added-{self._added}", "cell_type": kind, "metadata": {}, "source": source}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        self.paste(cell, above=above, below=below)
        return cell

    def paste(self, cell: dict[str, Any], *, above: str = "", below: str = "") -> None:
        cells = self.notebook["cells"]
        ids = [x["id"] for x in cells]
        cells.insert(ids.index(above) if above else ids.index(below) + 1 if below else len(ids), cell)

    def remove(self, *cell_ids: str) -> None:
        self.notebook["cells"] = [x for x in self.notebook["cells"] if x["id"] not in cell_ids]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        written = {name: self.encode(notebook) for name, notebook in self.notebooks.items()} | self.files
        for name, data in written.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            changed = time.time() - 3600 * self.age.get(name, 0)
            os.utime(folder / name, (changed, changed))


@dataclass(frozen=True)
class OddStudent:
    name: str
    edit: Callable[[Submission], object]
    parts: tuple[str, ...]
    whole: bool
    fails_in_jupyter: tuple[str, ...]
    """Exercises whose visible example fails when all cells are run in order, because of what is odd."""
    told: str
    """If not empty, points may be lost if the feedback contains this, which says where the answer went."""
    needs: str
    """What the notebook needs that is not here, if anything: it was there when the student ran it."""


STUDENTS: dict[str, OddStudent] = {}


def odd(
    *parts: str, whole: bool = False, fails_in_jupyter: tuple[str, ...] = (), told: str = "", needs: str = ""
) -> Callable[[Callable[[Submission], object]], Callable[[Submission], object]]:
    """Register a student who hands in these parts (default: part 1)."""

    def register(edit: Callable[[Submission], object]) -> Callable[[Submission], object]:
        name = edit.__name__
        assert name not in STUDENTS
        STUDENTS[name] = OddStudent(name, edit, parts or (PART1,), whole, fails_in_jupyter, told, needs)
        return edit

    return register


def released(course: Course, part: str) -> Notebook:
    """The released notebook, the source of each cell being one string."""
    notebook: Notebook = json.loads((course.release / f"{part}.ipynb").read_text())
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def solved(course: Course, part: str, whole: bool = True) -> Notebook:
    """The released notebook with the reference solutions, with or without the cells that nobody needs."""
    notebook = released(course, part)
    if not whole:
        needed = [x for x in notebook["cells"] if x["metadata"].get("nbgrader") or x["id"] == "imports"]
        notebook["cells"] = needed
    for cell in notebook["cells"]:
        if cell["id"].endswith("_solution"):
            cell["source"] = without_markers(course.cell(cell["id"]).source)
    return notebook


def without_markers(source: str) -> str:
    return "\n".join(x for x in source.splitlines() if not x.strip().startswith(("### BEGIN ", "### END ")))


def find(notebook: Notebook, cell_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(x for x in notebook["cells"] if x["id"] == cell_id)
    return copy.deepcopy(found)


def copy_course(root: Path) -> Course:
    """Copy the course, as `autograder demo` does, with its normal limits."""
    skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for folder in ("source", "release", "solutions", "tests/module6"):
        shutil.copytree(ROOT / folder, root / folder, ignore=skip)
    for name in ("tests/__init__.py", "gradebook.db", "nbgrader_config.py", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    return Course(root)


def submission_of(course: Course, student: OddStudent) -> Submission:
    submission = Submission(course, student.parts, student.whole)
    student.edit(submission)
    return submission


def write_class(root: Path) -> Course:
    """Write the course and everything that its students hand in into the folder `root`."""
    course = copy_course(root)
    for student in STUDENTS.values():
        submission_of(course, student).save(root / "submitted" / student.name / course.assignment)
    return course
