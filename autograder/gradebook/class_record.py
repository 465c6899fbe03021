"""The record of a class's grades: rows in the gradebook, and notebooks in autograded/."""

from __future__ import annotations

import os
from collections.abc import Mapping
from glob import escape
from pathlib import Path

import msgspec
import nbformat
from nbformat import NotebookNode

from autograder.core.cells import savable
from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.course.fingerprint import Fingerprints
from autograder.feedback.graded_notebook import unscored
from autograder.feedback.results import store_result
from autograder.gradebook.manual_grades import read_graded
from autograder.gradebook.writer import GradebookWriter
from autograder.intake.beside import NBGRADERS_OWN
from autograder.intake.students import TIMESTAMP, Graded, Student
from autograder.intake.submission import Submission
from autograder.nbgrader_glue.open_gradebook import unrecorded


class ClassRecord:
    """Looks up what was graded before, and records each student once all their notebooks are graded."""

    def __init__(self, course: Course, gradebook: GradebookWriter, fingerprints: Fingerprints) -> None:
        self.course = course
        self.gradebook = gradebook
        self.fingerprints = fingerprints
        self.outdated: list[str] = []
        """For each notebook whose earlier result is out of date, what has changed since."""

    def lost(self) -> str | None:
        """What to do if the gradebook does not know students who were graded; None if it knows all of them.

        It is written before autograded/, so it was deleted, or replaced by an older or an empty one.
        """
        graded = self.course.root.glob(f"autograded/*/{escape(self.course.assignment)}/*.ipynb")
        students = {path.parent.parent.name for path in graded} - self.gradebook.submitters()
        if not students:
            return None
        return (
            f"WARNING: {unrecorded(students)}. If it was lost, the points and comments that you gave them by"
            " hand were lost with it: restore it from your backup, then run `autograder grade` again."
        )

    def find(self, submission: Submission) -> Graded | None:
        """The result and notebook of this exact file, if it was graded and recorded before.

        A result counts only as long as nothing that it depends on has changed, and with a score in each test
        cell. Other changes to the graded notebook are somebody's own, and are kept.
        """
        assert submission.student is not None
        if not self.gradebook.knows(submission.student):
            return None
        notebook = read_graded(self._path(submission.student, submission.name))
        if notebook is None:
            return None
        try:
            earlier = notebook.metadata["autograder"]
            if earlier["submission"] != submission.digest:
                return None
            changed = self._changes(submission.name, earlier.get("fingerprint", {}), notebook)
            if changed:
                self.outdated.append(", ".join(changed))
                return None
            return msgspec.convert(earlier["result"], NotebookResult), notebook
        except (KeyError, TypeError, ValueError):
            return None

    def _changes(self, name: str, before: object, notebook: NotebookNode) -> list[str]:
        """What a result depends on that has changed since it was stored."""
        now = self.fingerprints.of(name)
        if not isinstance(before, Mapping) or not before:  # stored by an earlier version
            return ["the autograder"]
        changed = [part for part, digest in now.items() if before.get(part) != digest]
        return changed or ["the graded notebook"] * bool(unscored(notebook))

    def save(self, student: Student) -> None:
        """Write the gradebook first, then the files: after a crash in between, grading is repeated."""
        misnamed = student.misnamed(self.course)
        if misnamed:  # one of these may be the missing notebook, so a missing one does not score 0
            student.notebooks = dict.fromkeys(self.course.notebooks) | student.notebooks
        recordable = TIMESTAMP not in misnamed and student.name == savable(student.name)
        if student.files and recordable:
            self.gradebook.save(
                student.name, student.timestamp(), student.notebooks, self._all_before(student)
            )
        for submission, result in student.finished:
            self._write(submission, result)
        if recordable:
            self._copy_exchange_files(student)

    def _all_before(self, student: Student) -> dict[str, NotebookNode | None]:
        """The student's notebooks as they were graded before; those that were not graded now are the same."""
        changed = {submission.name for submission, _ in student.finished}
        changed |= {name for name, notebook in student.notebooks.items() if notebook is None}
        return student.notebooks | {name: read_graded(self._path(student.name, name)) for name in changed}

    def _path(self, student: str, notebook: str) -> Path:
        return self.course.root / "autograded" / student / self.course.assignment / f"{notebook}.ipynb"

    def _write(self, submission: Submission, result: NotebookResult) -> None:
        """Write the graded notebook, in full or not at all."""
        assert submission.student is not None
        path = self._path(submission.student, submission.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        store_result(submission, result, self.fingerprints.of(submission.name))
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            nbformat.write(submission.notebook, temporary)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from None
        temporary.replace(path)

    def _copy_exchange_files(self, student: Student) -> None:
        folder = self._path(student.name, "").parent
        for name in NBGRADERS_OWN:  # `nbgrader release_feedback` looks for them there
            original, copy = student.folder / name, folder / name
            if not folder.is_dir() or not original.is_file() or original.is_symlink():
                continue
            content = original.read_bytes()
            if not copy.is_file() or copy.read_bytes() != content:
                copy.unlink(missing_ok=True)  # `nbgrader autograde` leaves a read-only one
                copy.write_bytes(content)
