"""The students of a class, and the files each of them submitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec.structs import replace

from autograder.core.cells import savable
from autograder.core.errors import CourseError, Unreadable
from autograder.core.names import choose
from autograder.core.records import NotebookResult
from autograder.core.suggestions import did_you_mean
from autograder.course.course import Course
from autograder.intake.beside import Beside, beside_in
from autograder.intake.file_choice import Chosen, notebook_files, sort_files
from autograder.intake.notebook_file import refuse_link
from autograder.intake.recognition import named_like
from autograder.intake.submission import Submission, open_chosen, unreadable_result
from autograder.intake.timestamps import read_timestamp

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
        return notebook_files(self.folder)

    def timestamp(self) -> datetime | None:
        """The time in nbgrader's timestamp.txt in UTC, or None without one. Raises Unreadable."""
        for each in (self.folder.parent, self.folder):
            refuse_link(each)
        return read_timestamp(self.folder / TIMESTAMP, self.folder.parents[2])

    def open(self, course: Course, graded: Callable[[Submission], Graded | None]) -> list[Submission]:
        """Return the submissions to grade; `graded` looks up an earlier result, or returns None.

        Files that cannot be read, or were graded before, get their results here.
        """
        refusal = self._refusal(course)
        if refusal is not None:
            self.results = [refusal]
            return []
        files = sort_files(course, self.folder)
        folders = {chosen.file.path.parent for chosen in files.chosen}
        beside = {folder: beside_in(course, folder, self.folder) for folder in folders}
        opened = [self._open_chosen(course, x, beside[x.file.path.parent], graded) for x in files.chosen]
        found = [submission for submission in opened if submission is not None]
        self._refuse(course, files.refused)
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

    def _open_chosen(
        self, course: Course, chosen: Chosen, beside: Beside, graded: Callable[[Submission], Graded | None]
    ) -> Submission | None:
        submission = open_chosen(course, chosen, self.name, beside)
        earlier = graded(submission)
        if earlier is None:
            return submission
        self.skipped += 1
        result, self.notebooks[submission.name] = earlier
        self.results.append(replace(result, path=savable(submission.path)))  # it may have moved since
        return None

    def _refuse(self, course: Course, refused: Mapping[Path, Unreadable]) -> None:
        """Give each notebook that cannot be read one result, however many files are called so."""
        sentences: dict[str, list[str]] = {}
        paths: dict[str, Path] = {}
        for path, error in refused.items():
            name = named_like(course, path.name) or path.stem
            paths.setdefault(name, path)
            sentences.setdefault(name, []).append(str(error))
        for name, said in sentences.items():
            error = Unreadable(" ".join(said))
            self.results.append(unreadable_result(course, paths[name], name, self.name, error))
            if name in course.notebooks:
                self.notebooks[name] = None

    def add(self, submission: Submission, result: NotebookResult) -> None:
        """Add the result of a notebook that has just been graded."""
        self.results.append(result)
        self.pending -= 1
        if result.status == "graded":
            self.notebooks[submission.name] = submission.notebook
            self.finished.append((submission, result))
        else:
            self.notebooks[submission.name] = None

    def ordered_results(self, course: Course) -> list[NotebookResult]:
        """The results in the order of the notebooks, whichever was graded first; other files come last."""
        place = {name: number for number, name in enumerate(course.notebooks)}
        return sorted(
            self.results, key=lambda result: (place.get(result.notebook, len(place)), result.notebook)
        )

    def misnamed(self, course: Course) -> set[str]:
        """The names of files that may be any notebook of the assignment, or none."""
        return {result.notebook for result in self.results} - course.notebooks.keys()


def find_students(course: Course, patterns: Sequence[str]) -> list[Student]:
    """The students who submitted something and match one of the patterns (all, if there are none).

    A pattern is a name or else a glob. Raises CourseError if nobody submitted anything, or if one matches
    nobody.
    """
    root = course.root / "submitted"
    folders = sorted(path for path in root.glob(f"*/{escape(course.assignment)}") if path.is_dir())
    found = [Student(path.parent.name, path) for path in folders]
    if not found:
        raise CourseError(
            f"{root} has no <student>/{course.assignment}/ folder: collect submissions first"
            " (`nbgrader collect` or `nbgrader zip_collect`)."
        )
    if not patterns:
        return found
    chosen: set[str] = set()
    for pattern in patterns:
        matching = choose([student.name for student in found], pattern)
        if not matching:
            meant = did_you_mean(pattern, [student.name for student in found])
            raise CourseError(f"no student in {root} matches {pattern!r}: {meant}")
        chosen |= matching
    return [student for student in found if student.name in chosen]


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
