"""`autograder new`: the cells, the grader, a wheat and a chaff of a new exercise, ready to be changed.

What is laid works as it stands (the reference passes, the chaff is caught), so that an author changes a
working exercise step by step instead of filling in blanks.
"""

from __future__ import annotations

import keyword
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.authoring.lint import SCHEMA
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.course.solution_regions import MARKERS

LONGEST = 48
RESERVED = {
    "asked", "asked_again", "changed", "channel", "deadline", "exchanges", "lost", "requests", "run",
    "seconds", "start_over", "untouched", "value",
}  # fmt: skip
"""What `student` and `reference` use themselves: `student.run` cannot be an exercise."""
NOTEBOOK_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

TEXT = """\
## Exercise `{id}` ({points:g} points)

Say here what is to be learnt, with a formula and a tiny example, and what `{id}(x)` takes and returns.

The rules:

- the result is a number;
- the input is not changed.
"""
SOLUTION = '''\
def {id}(x):
    """x: a number -> a number. Say here what goes in and what comes out."""
    ### {begin}
    return 2 * x
    ### {end}
'''
EXAMPLE = """\
assert {id}(3) == 6, f"twice 3 is 6, not {{{id}(3)}}"
print("{id}: the visible examples pass")
"""
GRADER = '''\
"""Hidden grader: what {id} has to do, in one sentence."""

from autograder.checks import close, hint, weight


@weight(2)
@hint("One sentence that puts a student on the way, without the answer.")
def test_values(student, reference, draw):
    """{id} returns the number that the prompt asks for."""
    x = draw.uniform(-9, 9)
    assert close(student.{id}(x), reference.{id}(x))


@hint("Work with the input instead of changing it.")
def test_large_numbers(student, reference, draw):
    """Large numbers come out right, too."""
    x = draw.uniform(1e6, 1e7)
    assert close(student.{id}(x), reference.{id}(x))
'''
WHEATS = '''\
"""Right ways to write {id}, the odder the better."""

from autograder.samples import replaces


@replaces("{id}")
def adds_it_up(x):
    """Adds instead of multiplying."""
    return x + x
'''
CHAFFS = '''\
"""Wrong ways to write {id}, each from a mistake that students make."""

from autograder.samples import replaces


@replaces("{id}")
def squares(x):
    """Doubling and squaring agree for 2 alone: the exponent is not the factor."""
    return x**2
'''
IMPORTS = (
    "import math\n\nimport matplotlib.pyplot as plt\nimport numpy as np\nimport torch\nfrom torch import nn"
)


def scaffold_exercise(root: Path, assignment: str, exercise: str, notebook: str, points: float) -> list[Path]:
    """Write the cells and the files; returns what was written. Nothing is written over."""
    course = Course(root, assignment)
    _refuse(course, exercise, notebook, points)
    names = {"id": exercise, "points": points, "begin": MARKERS[0], "end": MARKERS[1]}
    path = course.source / f"{notebook}.ipynb"
    _add_cells(path, names)
    folder = course.graders / exercise
    folder.mkdir(parents=True)
    written = [path]
    for package in (course.graders.parent, course.graders, folder):
        if not (package / "__init__.py").exists():
            (package / "__init__.py").touch()
    for name, text in (
        (f"test_{exercise}.py", GRADER),
        ("wheats.py", WHEATS),
        ("chaffs.py", CHAFFS),
    ):
        (folder / name).write_text(text.format(**names), encoding="utf-8")
        written.append(folder / name)
    return written


def _refuse(course: Course, exercise: str, notebook: str, points: float) -> None:
    """One sentence for whatever stands in the way, before anything is written."""
    if not exercise.isidentifier() or keyword.iskeyword(exercise) or not exercise.isascii():
        raise CourseError(
            f"{exercise!r} cannot name an exercise: take letters, digits and _, as for a Python function."
        )
    taken = exercise.startswith("_") or exercise.endswith("_solution") or exercise in RESERVED
    if taken or len(exercise) > LONGEST:
        raise CourseError(
            f"{exercise!r} cannot name an exercise: a grader or a cell uses such names itself, or it has over"
            f" {LONGEST} letters."
        )
    if not NOTEBOOK_NAME.fullmatch(notebook):
        raise CourseError(f"{notebook!r} cannot name a notebook: take letters, digits, - and _, no .ipynb.")
    if not 0 < points < float("inf"):
        raise CourseError(f"an exercise worth {points:g} points is none: give it more than 0.")
    if any(course.source.glob("*.ipynb")) and exercise in course.exercises:
        known = course.exercises[exercise].notebook
        raise CourseError(f"{exercise} is an exercise of {known}.ipynb already: take another name.")
    if (course.graders / exercise).exists():
        raise CourseError(f"{course.graders / exercise} is there already: delete it, or take another name.")


def _add_cells(path: Path, names: dict[str, object]) -> None:
    """Put the exercise's three cells at the end of the notebook; a new notebook gets its imports first."""
    if path.exists():
        notebook = nbformat.read(path, as_version=4)
    else:
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = new_notebook(metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
        notebook.cells.append(_with_id(new_code_cell(IMPORTS), f"{path.stem}-imports"[:64]))
    task = str(names["id"])
    solution, example = new_code_cell(SOLUTION.format(**names)), new_code_cell(EXAMPLE.format(**names))
    solution.metadata["nbgrader"] = _tag(f"{task}_solution", solution=True)
    example.metadata["nbgrader"] = _tag(task, grade=True, locked=True, points=names["points"])
    notebook.cells += [
        _with_id(new_markdown_cell(TEXT.format(**names)), f"{task}-text"[:64]),
        _with_id(solution, f"{task}_solution"[:64]),
        _with_id(example, task[:64]),
    ]
    nbformat.write(notebook, path)


def _with_id(cell: NotebookNode, wanted: str) -> NotebookNode:
    cell["id"] = wanted
    cell["source"] = cell["source"].strip()
    return cell


def _tag(grade_id: str, **more: object) -> dict[str, object]:
    plain = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": SCHEMA}
    return {**plain, "grade_id": grade_id, **more}
