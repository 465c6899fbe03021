"""The graders' self-test: in a plain `pytest tests/module6`, every check runs against the reference solution.

The reference runs in a student's process behind the same channel as a submission, so a solution that
passes here also passes in a notebook.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.core.errors import CourseError
from autograder.core.records import CodeCell
from autograder.course.course import Course
from autograder.course.release_state import refuse_outdated_release
from autograder.grading.context import GradingContext, exercise_of
from autograder.grading.reference import ReferenceProxy, load_reference
from autograder.process.choose_launcher import launcher_for
from autograder.process.run_cells import run_cells
from autograder.process.student_process import StudentProcess

SEED = 0


class _Selftest:
    """One launcher for the whole pytest run, and a student's process for the current notebook."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.launcher = launcher_for(course.settings.memory, materials=course.materials)
        self.notebook = ""
        self.process: StudentProcess | None = None
        atexit.register(self.launcher.close)

    def process_for(self, notebook: str) -> StudentProcess:
        if self.process is None or self.process.serving or notebook != self.notebook:
            self.launcher.kill_tree()
            solution = self.course.solution_file(notebook).read_text(encoding="utf-8")
            cells = [CodeCell(0, solution)]
            self.process = run_cells(self.launcher, cells, SEED, self.course.settings.time).process
            self.notebook = notebook
        return self.process


_selftests: dict[tuple[Path, str], _Selftest] = {}


@pytest.fixture
def context(request: pytest.FixtureRequest) -> Iterator[GradingContext]:
    """The context of one check, with the reference solution as the submission."""
    item = request.node
    folder = Path(str(item.path)).parent
    root, assignment = folder.parents[2], folder.parent.name
    if (root, assignment) not in _selftests:
        try:
            course = Course(root, assignment)
            refuse_outdated_release(course)  # the reference would be an earlier one
        except CourseError as error:
            pytest.fail(str(error), pytrace=False)
        _selftests[root, assignment] = _Selftest(course)
    selftest = _selftests[root, assignment]
    exercise = selftest.course.exercises[exercise_of(item)]
    process = selftest.process_for(exercise.notebook)
    names = load_reference(selftest.course.solution_file(exercise.notebook))
    with process.answering() as proxy:
        yield GradingContext(proxy, ReferenceProxy(names), SEED)
