"""Grade a class: submitted/ into autograded/ and the gradebook."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import msgspec
import nbformat
from nbformat import NotebookNode

from autograder.course import Course
from autograder.errors import CourseError
from autograder.gradebook import GradebookWriter
from autograder.notebooks import Unreadable, refuse_link, savable
from autograder.pool import Pool
from autograder.records import NotebookResult
from autograder.submission import Submission, finish, open_submission, unreadable

TIMESTAMP = "timestamp.txt"
CARRIED = (TIMESTAMP, "submission_secret.txt")  # what `nbgrader release_feedback` asks for


@dataclass
class Student:
    """A student's files, and what has become of each so far."""

    name: str
    folder: Path
    waiting: int = 0
    notebooks: dict[str, NotebookNode | None] = field(default_factory=dict)
    finished: list[tuple[Submission, NotebookResult]] = field(default_factory=list)
    results: list[NotebookResult] = field(default_factory=list)

    @property
    def files(self) -> list[Path]:
        return sorted(x for x in self.folder.glob("*.ipynb") if x.is_file() or x.is_symlink())

    def timestamp(self) -> str | None:
        """When it was handed in, as nbgrader's timestamp.txt says it."""
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
            raise Unreadable(
                f"{path.name} holds no time that can be read ({text[:40]!r}): correct it."
            ) from None
        return text


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


class Classroom:
    """Grades students, and keeps what is finished whatever happens next."""

    def __init__(self, course: Course, writer: GradebookWriter, force: bool) -> None:
        self.course = course
        self.writer = writer
        self.force = force
        self.skipped = 0

    def open(self, students: Sequence[Student]) -> list[tuple[Student, Submission]]:
        """Read what is new; what cannot be read is settled here, as is what was graded before."""
        opened = []
        for student in students:
            if student.name != savable(student.name):
                error = _strange_name(student)
                student.results = [unreadable(self.course, student.folder, "", savable(student.name), error)]
                continue
            submissions = self._submissions(student)
            student.waiting = len(submissions)
            opened += [(student, submission) for submission in submissions]
            if not submissions and any(result.status != "graded" for result in student.results):
                self._settle(student)
        return opened

    def _submissions(self, student: Student) -> list[Submission]:
        found = []
        try:
            student.timestamp()
        except Unreadable as error:
            path = student.folder / TIMESTAMP
            student.results = [unreadable(self.course, path, TIMESTAMP, student.name, error)]
            return []
        if not student.files:
            nothing = _no_notebook(student)
            student.results = [unreadable(self.course, student.folder, "", student.name, nothing)]
            return []
        for path in student.files:
            try:
                refuse_link(path)
                submission = open_submission(self.course, path, student=student.name)
            except Unreadable as error:
                student.results.append(unreadable(self.course, path, path.stem, student.name, error))
                if path.stem in self.course.notebooks:
                    student.notebooks[path.stem] = None
                continue
            known = None if self.force else self._known(submission)
            if known is not None:
                self.skipped += 1
                student.results.append(known[0])
                student.notebooks[submission.name] = known[1]
            else:
                found.append(submission)
        return found

    def grade(
        self,
        opened: Sequence[tuple[Student, Submission]],
        pool: Pool,
        progress: Callable[[str], None],
    ) -> Iterator[NotebookResult]:
        """Mark every opened submission; a student is recorded when the last of theirs is done."""
        jobs = [(pair, pair[1].job()) for pair in opened]
        for (student, submission), done in pool.run(jobs):
            result = finish(submission, done)
            student.results.append(result)
            if result.status == "graded":
                student.notebooks[submission.name] = submission.notebook
                student.finished.append((submission, result))
            else:
                student.notebooks[submission.name] = None
            student.waiting -= 1
            if not student.waiting:
                self._settle(student)
            progress(f"{student.name}/{submission.name}")
            yield result

    def _settle(self, student: Student) -> None:
        """Gradebook first, files after: who dies in between is graded again, and nobody is lost."""
        strays = {result.notebook for result in student.results} - self.course.notebooks.keys()
        if strays:  # a file under a wrong name may be the one that seems to be missing: no 0 for it
            student.notebooks = dict.fromkeys(self.course.notebooks) | student.notebooks
        if student.files and TIMESTAMP not in strays:
            self.writer.save(student.name, student.timestamp(), student.notebooks)
        for submission, result in student.finished:
            self._write(submission, result)

    def _place(self, student: str, notebook: str) -> Path:
        return self.course.root / "autograded" / student / self.course.assignment / f"{notebook}.ipynb"

    def _write(self, submission: Submission, result: NotebookResult) -> None:
        """Put the graded notebook in its place, whole or not at all."""
        assert submission.student is not None
        place = self._place(submission.student, submission.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        submission.notebook.metadata["autograder"] = {
            "submission": submission.digest,
            "result": msgspec.to_builtins(result),
        }
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            nbformat.write(submission.notebook, fresh)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(place)) from None
        fresh.replace(place)
        for name in CARRIED:
            handed_in = Path(submission.path).with_name(name)
            if handed_in.is_file() and not handed_in.is_symlink():
                kept = place.parent / name
                kept.unlink(missing_ok=True)  # `nbgrader autograde` leaves one that nobody may write
                kept.write_bytes(handed_in.read_bytes())

    def _known(self, submission: Submission) -> tuple[NotebookResult, NotebookNode] | None:
        """The result and notebook of this very file, when it has been graded and recorded before."""
        assert submission.student is not None
        if not self.writer.knows(submission.student):
            return None
        try:
            notebook = nbformat.read(self._place(submission.student, submission.name), as_version=4)
            kept = notebook.metadata["autograder"]
            if kept["submission"] != submission.digest:
                return None
            return msgspec.convert(kept["result"], NotebookResult), notebook
        except (OSError, KeyError, TypeError, ValueError, nbformat.reader.NotJSONError):
            return None


def _strange_name(student: Student) -> Unreadable:
    folder = student.folder.parent
    return Unreadable(
        f"{folder.parent} holds a folder whose name is no UTF-8 text ({folder.name!a}): rename it to the"
        " student's id."
    )


def _no_notebook(student: Student) -> Unreadable:
    held = ", ".join(sorted(path.name for path in student.folder.iterdir())[:3]) or "nothing"
    return Unreadable(f"{student.folder} holds no notebook but {held}: put it there, or delete the folder.")
