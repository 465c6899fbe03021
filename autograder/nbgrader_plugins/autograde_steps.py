"""Steps of `nbgrader autograde` and `nbgrader validate` that grade in the sandbox instead of a kernel.

nbgrader_config.py refers to these classes by name. Autograde reads a submission (SubmissionExporter),
restores the released cells (RestoreReleasedCells), grades it (GradeSubmission), and lets nbgrader's own
SaveAutoGrades record the scores in the test cells. An exception fails one student only: nbgrader logs it,
keeps the student's previous grade and continues.
"""

from __future__ import annotations

import hashlib
import os
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import CheckCellMetadata, Execute, NbGraderPreprocessor
from traitlets import Bool

from autograder.core.cells import is_test, tag_of
from autograder.core.errors import CourseError
from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.feedback.results import finish, store_result
from autograder.gradebook.graded_cells import refuse_outdated_gradebook
from autograder.intake.beside import beside_in
from autograder.intake.notebook_file import read_notebook, refuse_link
from autograder.intake.submission import Submission, from_notebook
from autograder.nbgrader_glue.logs import say_sentences
from autograder.workers.shared_worker import shared_worker_for

NODES: Any = v4  # nbformat has no types
Converted = tuple[NotebookNode, Any]


class SubmissionExporter(NotebookExporter):
    """Read a notebook, whatever state it is in. If it cannot be read, the error is one sentence."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)  # type: ignore[no-untyped-call]
        say_sentences(self.log)
        converter: Any = self.parent
        self._refuse_outdated(converter.coursedir)

    def _refuse_outdated(self, folders: Any) -> None:
        """Refuse to grade with a release or a gradebook that is older than source/.

        nbgrader makes its exporter before it changes any file or row, and afterwards only fails student by
        student.
        """
        try:
            course = shared_worker_for(Path(folders.root), folders.assignment_id).course
            with closing(Gradebook(folders.db_url, folders.course_id)) as book:
                refuse_outdated_gradebook(book, course)
        except CourseError as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from error

    def from_file(self, file_stream: Any, resources: Any = None, **more: Any) -> Converted:
        exporter: Any = self  # nbconvert has no types
        notebook = read_notebook(Path(file_stream.name))
        converted: Converted = exporter.from_notebook_node(notebook, resources=resources, **more)
        return converted


class _Step(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """A preprocessor that knows the course and cannot be disabled by a setting."""

    enabled = Bool(True)

    def submission(self, notebook: NotebookNode, resources: Any) -> Submission:
        """The notebook from nbgrader, with the released cells restored."""
        names = resources["nbgrader"]
        path = self.folder(resources) / f"{names['notebook']}.ipynb"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        course = shared_worker_for(self.root, names["assignment"]).course
        beside = beside_in(course, path.parent)
        return from_notebook(
            course, notebook, names["notebook"], str(path), names["student"], digest, beside=beside
        )

    @property
    def root(self) -> Path:
        return Path(self.parent.parent.coursedir.root)

    def folder(self, resources: Any) -> Path:
        """The folder with the student's submitted files."""
        folders, names = self.parent.parent.coursedir, resources["nbgrader"]
        return Path(folders.format_path(folders.submitted_directory, names["student"], names["assignment"]))


class RestoreReleasedCells(_Step):
    """The first step: restore every released cell, whatever the student did to it.

    Only the text of the submission's cells remains. Outputs are dropped, and with them any score that a
    student put there; so are the kernel's name and all metadata.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> Converted:
        folder = self.folder(resources)
        for path in (folder.parent, folder, folder / f"{resources['nbgrader']['notebook']}.ipynb"):
            refuse_link(path)
        return self.submission(nb, resources).notebook, resources


class GradeSubmission(_Step):
    """Run the notebook in the sandbox and fill in outputs and scores, in place of nbgrader's Execute.

    It does not derive from Execute, so `--no-execute` does not disable it: nbgrader would then read the
    student's own outputs as scores, or give full marks where there is no output. It raises on an internal
    error, so that nothing is recorded, and never because of what the student's code does.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> Converted:
        if self.config.Execute.get("enabled") is False:
            self.log.warning("Submissions are always run: --no-execute has no effect here.")
        submission = self.submission(nb, resources)
        assignment = resources["nbgrader"]["assignment"]
        result = _grade(self.root, assignment, submission)
        fingerprints = shared_worker_for(self.root, assignment).fingerprints
        store_result(submission, result, fingerprints.of(submission.name))
        return submission.notebook, resources


def _grade(root: Path, assignment: str, submission: Submission) -> NotebookResult:
    """Grade a submission and write the scores into its test cells.

    Raises CourseError on an internal error, which includes a test cell that would be left without a score.
    """
    result = finish(submission, shared_worker_for(root, assignment).grade(submission.job()))
    if result.status == "failed":
        raise CourseError(result.message)
    return result


class Validate(Execute):  # type: ignore[misc]  # nbgrader has no types
    """The step that runs the notebook in `nbgrader validate` and for JupyterLab's Validate button.

    On an instructor's machine, where the hidden graders are, they grade the notebook in the sandbox. Each
    exercise without full marks is listed with the messages that the student will read. Locked cells are
    restored, so changes to them do not matter. Anywhere else nbgrader runs the notebook in a kernel as usual
    and lists the visible examples that fail. Nothing is recorded.
    """

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> Converted:
        found = self._find_notebook(nb)
        if found is None:
            nb, resources = CheckCellMetadata(parent=self.parent).preprocess(nb, resources)
            ran: Converted = super().preprocess(nb, resources, km)
            return ran
        course, name = found
        beside = beside_in(course, Path.cwd())  # nbgrader has moved to the notebook's folder
        submission = from_notebook(course, nb, name, f"{name}.ipynb", None, beside=beside)
        result = _grade(course.root, course.assignment, submission)
        short = {x.id for x in result.exercises if x.score is not None and x.score < x.max_score}
        for cell in submission.notebook.cells:
            if is_test(cell) and tag_of(cell)["grade_id"] in short:
                # nbgrader reads the score from the first output, and shows an error after it as text.
                lines = self._wrapped(cell.outputs[1].data["text/plain"])
                cell.outputs.append(NODES.new_output("error", ename="", evalue="", traceback=lines))
        return submission.notebook, resources

    def _find_notebook(self, notebook: NotebookNode) -> tuple[Course, str] | None:
        """The course and the notebook's name, recognized by its graded cells; None without hidden graders."""
        root = Path(self.config.CourseDirectory.get("root") or os.getcwd())
        wanted = {tag_of(cell).get("grade_id") for cell in notebook.cells} - {None}
        for folder in sorted(root.glob("source/*/")):
            if not (root / "tests" / folder.name).is_dir():
                continue
            course = Course(root, folder.name)
            known = {x.id: x.notebook for x in course.exercises.values()}
            names = [known[grade_id] for grade_id in wanted if grade_id in known]
            if names:
                return course, max(sorted(set(names)), key=names.count)
        return None

    def _wrapped(self, text: str) -> list[str]:
        """Wrap a text into lines that nbgrader's Validator does not truncate."""
        width = getattr(self.parent, "width", 90) - 8
        lines = []
        for line in text.splitlines():
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            lines += textwrap.wrap(line, width, subsequent_indent=indent) or [""]
        return lines
