"""`autograder feedback`: HTML pages from autograded/.

Grading has already put the feedback into the test cells (graded_notebook.py). Here it becomes HTML, next to
the student's own work; page_exporter.py does it, by nbgrader's own converter.
"""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path

from autograder.core.errors import CourseError
from autograder.core.names import choose
from autograder.core.suggestions import did_you_mean
from autograder.course.course import Course


def write_feedback(root: Path, assignment: str, students: Sequence[str]) -> list[Path]:
    """Write feedback/<student>/<assignment>/*.html from autograded/; returns the paths.

    `students` are names or globs; none means everyone. Pages are always rewritten: manual grades and comments
    are in the gradebook, which does not record when they changed. Raises CourseError if nothing was graded,
    if a pattern matches nobody, or if a page could not be written; then the other pages are written all the
    same, and an old page is kept.
    """
    root = root.resolve()
    graded = sorted(root.glob(f"autograded/*/{escape(assignment)}/*.ipynb"))
    if not graded:
        Course(root, assignment)  # says what a mistyped name was meant to be
        raise CourseError(f"{root / 'autograded'} has no graded {assignment}: run `autograder grade` first.")
    names = {path.parent.parent.name for path in graded}
    wanted = set().union(*(_matching(names, pattern) for pattern in students)) if students else names
    chosen = [path for path in graded if path.parent.parent.name in wanted]
    from autograder.feedback.page_exporter import convert  # nbgrader takes a second to import

    convert(root, assignment, wanted)
    pages = [root / "feedback" / path.relative_to(root / "autograded") for path in chosen]
    return [page.with_suffix(".html") for page in pages]


def _matching(names: set[str], pattern: str) -> set[str]:
    """The names that match a pattern. Raises CourseError if none does."""
    found = choose(names, pattern)
    if not found:
        meant = did_you_mean(pattern, sorted(names))
        raise CourseError(f"no student with graded work matches {pattern!r}: {meant}")
    return found
