"""The students of a class and the files each of them handed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from nbformat import NotebookNode

from autograder.core.cells import savable
from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.intake.notebook_file import refuse_link
from autograder.intake.submission import Submission, open_submission, unreadable

TIMESTAMP = "timestamp.txt"
Graded = tuple[NotebookResult, NotebookNode]
"""The result and the graded notebook of a submission."""


@dataclass
class Student:
    """A student's files, and what has become of each so far."""

    name: str
    folder: Path
    waiting: int = 0
    """Notebooks that are still to be graded."""
    notebooks: dict[str, NotebookNode | None] = field(default_factory=dict)
    """The graded notebooks by name; None for one that could not be graded."""
    finished: list[tuple[Submission, NotebookResult]] = field(default_factory=list)
    results: list[NotebookResult] = field(default_factory=list)
    skipped: int = 0
    """Notebooks that have been graded before and have not changed."""

    @property
    def files(self) -> list[Path]:
        return sorted(x for x in self.folder.glob("*.ipynb") if x.is_file() or x.is_symlink())

    def timestamp(self) -> str | None:
        """When it was handed in, as nbgrader's timestamp.txt says. Raises Unreadable."""
        from nbgrader.utils import parse_utc

        path = self.folder / TIMESTAMP
        for handed_in in (self.folder.parent, self.folder, path):
            refuse_link(handed_in)
        if not path.is_file():
            return None
        text = path.read_text(encoding="utf-8", errors="replace").strip()
        try:
            parse_utc(text)
        except (ValueError, OverflowError):
            raise Unreadable(f"{path.name} does not hold a valid time ({text[:40]!r}): correct it.") from None
        return text

    def open(self, course: Course, graded: Callable[[Submission], Graded | None]) -> list[Submission]:
        """The submissions to grade; `graded` finds the result of one that was graded before.

        A file that cannot be read gets its result here.
        """
        fault = self._fault(course)
        if fault is not None:
            self.results = [fault]
            return []
        found = [x for x in map(lambda path: self._open_file(course, path, graded), self.files) if x]
        self.waiting = len(found)
        return found

    def _fault(self, course: Course) -> NotebookResult | None:
        """The result when nothing of this student can be graded."""
        name = savable(self.name)
        if self.name != name:
            return unreadable(course, self.folder, "", name, _bad_name(self))
        try:
            self.timestamp()
        except Unreadable as error:
            return unreadable(course, self.folder / TIMESTAMP, TIMESTAMP, name, error)
        return None if self.files else unreadable(course, self.folder, "", name, _no_notebook(self))

    def _open_file(
        self, course: Course, path: Path, graded: Callable[[Submission], Graded | None]
    ) -> Submission | None:
        try:
            refuse_link(path)
            submission = open_submission(course, path, student=self.name)
        except Unreadable as error:
            self.results.append(unreadable(course, path, path.stem, self.name, error))
            if path.stem in course.notebooks:
                self.notebooks[path.stem] = None
            return None
        known = graded(submission)
        if known is None:
            return submission
        self.skipped += 1
        self.results.append(known[0])
        self.notebooks[submission.name] = known[1]
        return None

    def add(self, submission: Submission, result: NotebookResult) -> None:
        """Take in the result of a notebook that has just been graded."""
        self.results.append(result)
        self.waiting -= 1
        if result.status == "graded":
            self.notebooks[submission.name] = submission.notebook
            self.finished.append((submission, result))
        else:
            self.notebooks[submission.name] = None

    def misnamed(self, course: Course) -> set[str]:
        """Names of files that are not named like a notebook of the assignment."""
        return {result.notebook for result in self.results} - course.notebooks.keys()


def find_students(course: Course, patterns: Sequence[str]) -> list[Student]:
    """The students who handed something in, of those that the patterns name."""
    root = course.root / "submitted"
    folders = sorted(path for path in root.glob(f"*/{course.assignment}") if path.is_dir())
    found = [Student(path.parent.name, path) for path in folders]
    if not found:
        raise CourseError(
            f"{root} holds no <student>/{course.assignment}/ folder: collect submissions first"
            " (`nbgrader collect` or `nbgrader zip_collect`)."
        )
    for pattern in patterns:
        if not any(fnmatch(student.name, pattern) for student in found):
            raise CourseError(f"no student in {root} is named like {pattern!r}.")
    if not patterns:
        return found
    return [x for x in found if any(fnmatch(x.name, pattern) for pattern in patterns)]


def _bad_name(student: Student) -> Unreadable:
    folder = student.folder.parent
    return Unreadable(
        f"{folder.parent} holds a folder whose name is not UTF-8 text ({folder.name!a}): rename it to the"
        " student's id."
    )


def _no_notebook(student: Student) -> Unreadable:
    held = ", ".join(sorted(path.name for path in student.folder.iterdir())[:3]) or "nothing"
    return Unreadable(f"{student.folder} holds no notebook but {held}: put it there, or delete the folder.")
