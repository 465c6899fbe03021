"""The students of a class, and the files each of them submitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from autograder.core.cells import savable
from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import NotebookResult
from autograder.core.suggestions import did_you_mean
from autograder.course.course import Course
from autograder.intake.notebook_file import refuse_link
from autograder.intake.submission import Submission, open_submission, unreadable_result

if TYPE_CHECKING:
    from nbformat import NotebookNode


TIMESTAMP = "timestamp.txt"
Graded: TypeAlias = "tuple[NotebookResult, NotebookNode]"
"""A submission's result and its graded notebook."""


@dataclass
class Student:
    """A student's files and the results so far."""

    name: str
    folder: Path
    pending: int = 0
    """How many notebooks are still to be graded."""
    notebooks: dict[str, NotebookNode | None] = field(default_factory=dict)
    """Graded notebooks by name; None for one that could not be graded."""
    finished: list[tuple[Submission, NotebookResult]] = field(default_factory=list)
    """What was graded in this run."""
    results: list[NotebookResult] = field(default_factory=list)
    skipped: int = 0
    """How many notebooks were graded before and have not changed since."""

    @property
    def files(self) -> list[Path]:
        return sorted(x for x in self.folder.glob("*.ipynb") if x.is_file() or x.is_symlink())

    def timestamp(self) -> str | None:
        """The time in nbgrader's timestamp.txt, or None without one. Raises Unreadable."""
        from nbgrader.utils import parse_utc

        path = self.folder / TIMESTAMP
        for each in (self.folder.parent, self.folder, path):
            refuse_link(each)
        if not path.is_file():
            return None
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        try:
            parse_utc(text)
        except (ValueError, OverflowError):
            raise Unreadable(
                f"{path.name} does not contain a valid time ({text[:40]!r}): correct it."
            ) from None
        return text

    def open(self, course: Course, graded: Callable[[Submission], Graded | None]) -> list[Submission]:
        """Return the submissions to grade; `graded` looks up an earlier result, or returns None.

        Files that cannot be read, or were graded before, get their results here.
        """
        refusal = self._refusal(course)
        if refusal is not None:
            self.results = [refusal]
            return []
        found = [x for x in map(lambda path: self._open_file(course, path, graded), self.files) if x]
        self.pending = len(found)
        return found

    def _refusal(self, course: Course) -> NotebookResult | None:
        """The student's only result if none of the files can be graded, else None."""
        name = savable(self.name)
        if self.name != name:
            return unreadable_result(course, self.folder, "", name, _bad_name(self))
        try:
            self.timestamp()
        except Unreadable as error:
            return unreadable_result(course, self.folder / TIMESTAMP, TIMESTAMP, name, error)
        if not self.files:
            return unreadable_result(course, self.folder, "", name, _no_notebook(self))
        return None

    def _open_file(
        self, course: Course, path: Path, graded: Callable[[Submission], Graded | None]
    ) -> Submission | None:
        try:
            refuse_link(path)
            submission = open_submission(course, path, student=self.name)
        except Unreadable as error:
            self.results.append(unreadable_result(course, path, path.stem, self.name, error))
            if path.stem in course.notebooks:
                self.notebooks[path.stem] = None
            return None
        earlier = graded(submission)
        if earlier is None:
            return submission
        self.skipped += 1
        result, self.notebooks[submission.name] = earlier
        self.results.append(result)
        return None

    def add(self, submission: Submission, result: NotebookResult) -> None:
        """Add the result of a notebook that has just been graded."""
        self.results.append(result)
        self.pending -= 1
        if result.status == "graded":
            self.notebooks[submission.name] = submission.notebook
            self.finished.append((submission, result))
        else:
            self.notebooks[submission.name] = None

    def misnamed(self, course: Course) -> set[str]:
        """The names of files that do not match any notebook of the assignment."""
        return {result.notebook for result in self.results} - course.notebooks.keys()


def find_students(course: Course, patterns: Sequence[str]) -> list[Student]:
    """The students who submitted something and match one of the globs (all, if there are none).

    Raises CourseError if nobody submitted anything, or if a glob matches nobody.
    """
    root = course.root / "submitted"
    folders = sorted(path for path in root.glob(f"*/{course.assignment}") if path.is_dir())
    found = [Student(path.parent.name, path) for path in folders]
    if not found:
        raise CourseError(
            f"{root} has no <student>/{course.assignment}/ folder: collect submissions first"
            " (`nbgrader collect` or `nbgrader zip_collect`)."
        )
    for pattern in patterns:
        if not any(fnmatch(student.name, pattern) for student in found):
            meant = did_you_mean(pattern, [student.name for student in found])
            raise CourseError(f"no student in {root} matches {pattern!r}: {meant}")
    if not patterns:
        return found
    return [x for x in found if any(fnmatch(x.name, pattern) for pattern in patterns)]


def _bad_name(student: Student) -> Unreadable:
    folder = student.folder.parent
    return Unreadable(
        f"{folder.parent} has a folder whose name is not UTF-8 text ({folder.name!a}): rename it to the"
        " student's id."
    )


def _no_notebook(student: Student) -> Unreadable:
    found = ", ".join(sorted(path.name for path in student.folder.iterdir())[:3])
    contents = f"only {found}" if found else "it is empty"
    return Unreadable(
        f"{student.folder} has no notebook ({contents}): put the notebook there, or delete the folder."
    )
