"""The graders' self-test: in a plain `pytest tests/module6` the reference solution sits every check.

It sits in a student's process behind the same channel as a submission, so what passes here would pass
in a notebook too.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.execution import Cell, run_cells
from autograder.fixtures import Sitting, exercise_of
from autograder.marking import ReferenceSide, load_reference
from autograder.nurseries import nursery_for
from autograder.student import StudentProcess

SEED = 0


class _Selftest:
    """One warm process for the whole pytest run; the notebook's process changes with the notebook."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.nursery = nursery_for(course.settings.memory, materials=course.materials)
        self.notebook = ""
        self.process: StudentProcess | None = None
        atexit.register(self.nursery.close)

    def process_of(self, notebook: str) -> StudentProcess:
        if self.process is None or self.process.serving or notebook != self.notebook:
            self.nursery.sweep()
            solution = self.course.solution_file(notebook).read_text(encoding="utf-8")
            cells = [Cell(0, solution)]
            self.process = run_cells(self.nursery, cells, SEED, self.course.settings.time).process
            self.notebook = notebook
        return self.process


_running: dict[Path, _Selftest] = {}


@contextmanager
def reference_sitting(item: pytest.Item) -> Iterator[Sitting]:
    """The reference solution in the student's place, for one check."""
    folder = Path(str(item.path)).parent
    root, assignment = folder.parents[2], folder.parent.name
    if root not in _running:
        _running[root] = _Selftest(Course(root, assignment))
    selftest = _running[root]
    exercise = selftest.course.exercises[exercise_of(item)]
    process = selftest.process_of(exercise.notebook)
    names = load_reference(selftest.course.solution_file(exercise.notebook))
    with process.answering() as side:
        yield Sitting(side, ReferenceSide(names), SEED)
