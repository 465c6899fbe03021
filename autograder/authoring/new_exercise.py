"""`autograder new`: scaffold an exercise with its cells, a grader, a correct sample and a buggy one.

The result is a complete exercise that passes `autograder check`, so authors start from something that works
instead of filling in blanks.
"""

from __future__ import annotations

import keyword
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.authoring.lint import SCHEMA
from autograder.core.errors import CourseError
from autograder.core.suggestions import did_you_mean
from autograder.course.course import Course, assignments, refuse_other_folder
from autograder.course.solution_regions import MARKERS

if TYPE_CHECKING:
    from nbformat import NotebookNode


MAX_LENGTH = 48  # of an exercise's name, in characters
RESERVED = {
    "asked", "asked_again", "changed", "changed_in_words", "changed_was_read", "channel", "deadline",
    "device", "exchanges", "how_it_ended", "last_error", "lost", "out_of_gpu_memory", "requests", "run",
    "seconds", "start_over", "untouched", "value",
}  # fmt: skip
"""The attributes of `student` and `reference`. A check could never call an exercise with such a name."""
NOTEBOOK_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

TEXT = """\
## Exercise `{id}` ({worth})

Explain what this exercise teaches, with a formula and a small example. Then say what `{id}(x)` takes and
returns.

The rules:

- the result is a number;
- the input does not change.
"""
SOLUTION = '''\
def {id}(x):
    """Return twice the number x. Describe the arguments and the result here."""
    ### {begin}
    return 2 * x
    ### {end}
'''
EXAMPLE = """\
assert {id}(3) == 6, f"twice 3 is 6, not {{{id}(3)}}"
print("{id}: the visible examples pass")
"""
GRADER = '''\
"""Hidden grader for {id}: say in one sentence what it must do."""

from autograder.checks import close, hint, weight


@weight(2)
@hint("One sentence that points the student in the right direction without giving the answer away.")
def test_values(student, reference, draw):
    """{id} returns the number that the prompt asks for."""
    x = draw.uniform(-9, 9)
    assert close(student.{id}(x), reference.{id}(x))


@hint("Work out one large number by hand and compare.")
def test_large_numbers(student, reference, draw):
    """The result is also correct for large numbers."""
    x = draw.uniform(1e6, 1e7)
    assert close(student.{id}(x), reference.{id}(x))
'''
WHEATS = '''\
"""Correct samples for {id}: the more unusual, the better."""

from autograder.samples import replaces


@replaces("{id}")
def adds_it_up(x):
    """Adds x to itself instead of multiplying."""
    return x + x
'''
CHAFFS = '''\
"""Buggy samples for {id}, one for each mistake that students make."""

from autograder.samples import replaces


@replaces("{id}")
def squares(x):
    """This squares x. Squaring and doubling agree only for 0 and 2."""
    return x**2
'''
IMPORTS = (
    "import math\n\nimport matplotlib.pyplot as plt\nimport numpy as np\nimport torch\nfrom torch import nn"
)


def scaffold_exercise(root: Path, assignment: str, exercise: str, notebook: str, points: float) -> list[Path]:
    """Add the cells to the notebook and write the grader's files. Returns the paths that were written.

    Raises CourseError, before anything is written, if a name is invalid or taken. If writing fails, the
    notebook and the graders are as they were before.
    """
    if assignment not in assignments(refuse_other_folder(root)):
        meant = did_you_mean(assignment, assignments(root))
        raise CourseError(
            f"{root.resolve()} has no assignment {assignment!r}: {meant} To begin a new one, make the folders"
            f" source/{assignment}/ and tests/{assignment}/."
        )
    course = Course(root, assignment)
    _refuse(course, exercise, notebook, points)
    worth = f"{points:g} point" + ("" if points == 1 else "s")
    names = {"id": exercise, "worth": worth, "points": points, "begin": MARKERS[0], "end": MARKERS[1]}
    path = course.source / f"{notebook}.ipynb"
    folder = course.graders / exercise
    folder.mkdir(parents=True)
    try:
        written = _write_grader(course, folder, exercise, names)
        _add_cells(path, names)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return [path, *written]


def _write_grader(course: Course, folder: Path, exercise: str, names: dict[str, object]) -> list[Path]:
    for package in (course.graders.parent, course.graders, folder):
        if not (package / "__init__.py").exists():
            (package / "__init__.py").touch()
    written = []
    for name, text in (
        (f"test_{exercise}.py", GRADER),
        ("wheats.py", WHEATS),
        ("chaffs.py", CHAFFS),
    ):
        (folder / name).write_text(text.format(**names), encoding="utf-8")
        written.append(folder / name)
    return written


def _refuse(course: Course, exercise: str, notebook: str, points: float) -> None:
    """Raise CourseError if the exercise cannot be created."""
    if not exercise.isidentifier() or keyword.iskeyword(exercise) or not exercise.isascii():
        raise CourseError(
            f"{exercise!r} is not a valid exercise name: use letters, digits and _, as for a Python function."
        )
    if exercise.startswith("_") or exercise.endswith("_solution") or exercise in RESERVED:
        raise CourseError(
            f"{exercise!r} is not a valid exercise name: it is reserved for graders or for notebook cells."
        )
    if len(exercise) > MAX_LENGTH:
        raise CourseError(
            f"{exercise!r} is not a valid exercise name: it has more than {MAX_LENGTH} characters."
        )
    if not NOTEBOOK_NAME.fullmatch(notebook):
        raise CourseError(
            f"{notebook!r} is not a valid notebook name: use 1 to 64 letters, digits, - and _, no .ipynb."
        )
    if not 0 < points < float("inf"):
        raise CourseError(f"an exercise cannot be worth {points:g} points: give it more than 0.")
    if any(course.source.glob("*.ipynb")) and exercise in course.exercises:
        known = course.exercises[exercise].notebook
        raise CourseError(f"{exercise} is already an exercise of {known}.ipynb: choose another name.")
    if (course.graders / exercise).exists():
        raise CourseError(f"{course.graders / exercise} already exists: delete it, or choose another name.")


def _add_cells(path: Path, names: dict[str, object]) -> None:
    """Append the exercise's three cells to the notebook. A new notebook starts with its imports."""
    import nbformat  # takes a second to import
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

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
    # In full or not at all: nothing else has the author's notebook.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        nbformat.write(notebook, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _with_id(cell: NotebookNode, cell_id: str) -> NotebookNode:
    cell["id"] = cell_id
    cell["source"] = cell["source"].strip()
    return cell


def _tag(grade_id: str, **more: object) -> dict[str, object]:
    plain = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": SCHEMA}
    return {**plain, "grade_id": grade_id, **more}
