"""Compare the gradebook's graded cells with source/, before anything is recorded in it."""

from __future__ import annotations

from collections.abc import Iterator

from nbgrader.api import Gradebook, MissingEntry

from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.course.release_state import REPAIR


def refuse_outdated_gradebook(book: Gradebook, course: Course) -> None:
    """Raise CourseError, with one sentence, unless the gradebook has the graded cells and points of source/.

    A cell that it does not know has nowhere to be recorded; one that only it knows never gets a score.
    """
    for sentence in _differences(book, course):
        raise CourseError(f"{sentence}: {REPAIR}.")


def _differences(book: Gradebook, course: Course) -> Iterator[str]:
    try:
        assignment = book.find_assignment(course.assignment)
    except MissingEntry:
        yield f"the gradebook does not contain {course.assignment}"
        return
    known = {(part.name, x.name): x.max_score for part in assignment.notebooks for x in part.grade_cells}
    source = {(x.notebook, x.id): x.points for x in course.exercises.values()}
    for key in dict.fromkeys([*source, *known]):
        notebook, cell = key
        shown = f"source/{course.assignment}/{notebook}.ipynb"
        if key not in known:
            yield f"the gradebook does not know the cell {cell} of {shown}"
        elif key not in source:
            yield f"the gradebook has the cell {cell} of {notebook}, which {shown} does not grade"
        elif known[key] != source[key]:
            yield (
                f"the gradebook gives the cell {cell} of {notebook} {known[key]:g} points, but {shown} gives"
                f" {source[key]:g}"
            )
