"""Our steps in `nbgrader autograde` and `nbgrader validate`: the engine in the place of a kernel.

nbgrader_config.py names the parts of this module. Autograde reads a submission
(SubmissionExporter), puts it back on the released skeleton (PutOnSkeleton), grades it
(GradeByEngine) and lets nbgrader's own SaveAutoGrades record what stands in the test cells. Who
raises here fails one student: nbgrader logs it, keeps that student's old grade and goes on.
"""

from __future__ import annotations

import hashlib
import os
import textwrap
from pathlib import Path
from typing import Any

import msgspec
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader.preprocessors import CheckCellMetadata, Execute, NbGraderPreprocessor
from traitlets import Bool

from autograder.core.cells import is_test, tag_of
from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import NotebookResult
from autograder.course.course import Course
from autograder.feedback.results import finish
from autograder.intake.notebook_file import read_notebook, refuse_link
from autograder.intake.submission import Submission, from_notebook
from autograder.nbgrader_glue.logs import say_sentences
from autograder.workers.shared_worker import shared_worker_for

NODES: Any = v4  # nbformat has no types
Converted = tuple[NotebookNode, Any]


class SubmissionExporter(NotebookExporter):
    """Reads a notebook in whatever state it is; one sentence when it is none."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)  # type: ignore[no-untyped-call]
        say_sentences(self.log)

    def from_file(self, file_stream: Any, resources: Any = None, **more: Any) -> Converted:
        exporter: Any = self  # nbconvert has no types
        notebook = read_notebook(Path(file_stream.name))
        converted: Converted = exporter.from_notebook_node(notebook, resources=resources, **more)
        return converted


class _Step(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """A preprocessor that knows the course, and that no setting can switch off."""

    enabled = Bool(True)

    def submission(self, notebook: NotebookNode, resources: Any) -> Submission:
        """The notebook that nbgrader hands over, on the released skeleton."""
        names = resources["nbgrader"]
        path = self.folder(resources) / f"{names['notebook']}.ipynb"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        course = shared_worker_for(self.root, names["assignment"]).course
        return from_notebook(course, notebook, names["notebook"], str(path), names["student"], digest)

    @property
    def root(self) -> Path:
        return Path(self.parent.parent.coursedir.root)

    def folder(self, resources: Any) -> Path:
        """Where the student's files lie."""
        folders, names = self.parent.parent.coursedir, resources["nbgrader"]
        return Path(folders.format_path(folders.submitted_directory, names["student"], names["assignment"]))


class PutOnSkeleton(_Step):
    """The first step: every released cell stands once and whole, whatever the student did to it.

    Nothing else of the submission is left than its cells' text: no outputs, hence no score that a
    student has written there, no kernel's name and no metadata.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> Converted:
        folder = self.folder(resources)
        for handed_in in (folder.parent, folder, folder / f"{resources['nbgrader']['notebook']}.ipynb"):
            refuse_link(handed_in)
        self._refuse_misnamed(resources)
        return self.submission(nb, resources).notebook, resources

    def _refuse_misnamed(self, resources: Any) -> None:
        """To nbgrader a part is missing whose file a browser has called `part (1).ipynb`."""
        course = shared_worker_for(self.root, resources["nbgrader"]["assignment"]).course
        present = {path.stem for path in self.folder(resources).glob("*.ipynb")}
        missing = [name for name in course.notebooks if name not in present]
        strange = sorted(present - set(course.notebooks))
        if missing and strange:
            raise Unreadable(
                f"{strange[0]}.ipynb is not named like a notebook of {course.assignment}, and"
                f" {missing[0]}.ipynb is missing: rename it and grade again."
            )


class GradeByEngine(_Step):
    """Stands where Execute stands: runs the notebook in the sandbox, fills in outputs and scores.

    It is no Execute, so that `--no-execute` does not switch it off: nbgrader would then read the
    scores of an unsolved notebook from outputs that are the student's own, or full marks from none.
    A fault of ours raises, so that nothing is recorded; a fault of the student's never does.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> Converted:
        if self.config.Execute.get("enabled") is False:
            self.log.warning("Submissions are always run: --no-execute changes nothing here.")
        submission = self.submission(nb, resources)
        result = _graded(self.root, resources["nbgrader"]["assignment"], submission)
        submission.notebook.metadata["autograder"] = {
            "submission": submission.digest,
            "result": msgspec.to_builtins(result),
        }
        return submission.notebook, resources


def _graded(root: Path, assignment: str, submission: Submission) -> NotebookResult:
    """The result, with every score in its cell; raises CourseError when one would be missing."""
    result = finish(submission, shared_worker_for(root, assignment).grade(submission.job()))
    if result.status == "failed":
        raise CourseError(result.message)
    scored = {exercise.id for exercise in result.exercises}
    for cell in submission.notebook.cells:
        grade_id = tag_of(cell).get("grade_id")
        if is_test(cell) and grade_id not in scored:  # no output would be full marks
            raise CourseError(
                f"release/{assignment}/{submission.name}.ipynb grades {grade_id}, which"
                f" source/{assignment} does not: run `autograder release`."
            )
    return result


class Validate(Execute):  # type: ignore[misc]  # nbgrader has no types
    """The notebook's run in `nbgrader validate` and in JupyterLab's Validate button.

    Where the course's hidden graders are (on an instructor's machine) the notebook is graded by
    them, in the sandbox: each exercise short of its points is listed with the messages that its
    student will read, beginning with the visible example when that fails. Locked cells are the
    released ones, so that changed ones are no matter. Everywhere else it is nbgrader's own run in a
    kernel, and what is listed are the visible examples that fail. Nothing is recorded.
    """

    def preprocess(self, nb: NotebookNode, resources: Any = None, km: Any = None) -> Converted:
        found = self._found(nb)
        if found is None:
            nb, resources = CheckCellMetadata(parent=self.parent).preprocess(nb, resources)
            ran: Converted = super().preprocess(nb, resources, km)
            return ran
        course, name = found
        submission = from_notebook(course, nb, name, f"{name}.ipynb", None)
        result = _graded(course.root, course.assignment, submission)
        short = {x.id for x in result.exercises if x.score is not None and x.score < x.max_score}
        for cell in submission.notebook.cells:
            if is_test(cell) and tag_of(cell)["grade_id"] in short:
                # Behind the score, which nbgrader reads first, an error is text that it shows.
                lines = self._wrapped(cell.outputs[1].data["text/plain"])
                shown = NODES.new_output("error", ename="", evalue="", traceback=lines)
                cell.outputs.append(shown)
        return submission.notebook, resources

    def _found(self, notebook: NotebookNode) -> tuple[Course, str] | None:
        """The course and the name of the notebook, by its graded cells."""
        root = Path(self.config.CourseDirectory.get("root") or os.getcwd())
        wanted = {tag_of(cell).get("grade_id") for cell in notebook.cells} - {None}
        for folder in sorted(root.glob("source/*/")):
            if not (root / "tests" / folder.name).is_dir():
                continue
            course = shared_worker_for(root, folder.name).course
            known = {x.id: x.notebook for x in course.exercises.values()}
            names = [known[grade_id] for grade_id in wanted if grade_id in known]
            if names:
                return course, max(sorted(set(names)), key=names.count)
        return None

    def _wrapped(self, text: str) -> list[str]:
        """Lines that nbgrader's Validator does not cut off."""
        width = getattr(self.parent, "width", 90) - 8
        lines = []
        for line in text.splitlines():
            indent = " " * (len(line) - len(line.lstrip()) + 4)
            lines += textwrap.wrap(line, width, subsequent_indent=indent) or [""]
        return lines
