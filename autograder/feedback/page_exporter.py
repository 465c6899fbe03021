"""nbgrader's feedback converter: twice as fast, quiet, and for chosen students."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Collection
from contextlib import closing
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.core.errors import CourseError
from autograder.nbgrader_glue.config import course_config, database_url
from autograder.nbgrader_glue.converters import KeepsOldFiles
from autograder.nbgrader_glue.literal_names import take_names_literally
from autograder.nbgrader_glue.logs import say_sentences
from autograder.nbgrader_glue.open_gradebook import open_gradebook, submitters, unrecorded

_NO_ENTRY = re.compile(r"^nbgrader\.api\.MissingEntry: .*")


class PageExporter(HTMLExporter):
    """HTMLExporter in half the time.

    It does not parse the finished page again, which only JupyterLab's template and images without an alt text
    need (SanitizeHtml gives them one). And it highlights a cell that all students share only once.
    """

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **more: Any) -> Any:
        exporter: Any = self  # nbconvert has no types
        resources = exporter._init_resources(resources)
        exporter.register_filter("highlight_code", _highlight)
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **more)
        return page.replace("</head>", f"{_narrow_screens()}</head>", 1), resources


@lru_cache(maxsize=1)
def _narrow_screens() -> str:
    """What a page of nbgrader's needs to be readable on a phone."""
    return (Path(__file__).parent / "templates" / "narrow.html.j2").read_text(encoding="utf-8")


def _highlight(source: str, language: str | None = None, metadata: Any = None) -> str:
    return _highlight_cached(source, (metadata or {}).get("magics_language") or language)


@lru_cache(maxsize=1000)
def _highlight_cached(source: str, language: str | None) -> str:
    highlight = Highlight2HTML(pygments_lexer="ipython3")
    return str(highlight(source, language))


class Feedback(KeepsOldFiles, GenerateFeedback):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's converter, which keeps an old page until the new one is written."""

    output = "feedback_directory"


class _FeedbackOfSome(Feedback):
    """Limited to `students`."""

    students: Collection[str] = ()
    assignments: dict[str, list[str]]

    def init_notebooks(self) -> None:
        super().init_notebooks()
        self.assignments = {
            folder: notebooks
            for folder, notebooks in self.assignments.items()
            if Path(folder).parent.name in self.students
        }


class _ErrorCollector(logging.Handler):
    """Collects the errors that nbgrader logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []
        self.only_files = True
        """Whether all that failed was reading or writing, so that grading again would not help."""

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().strip())
        error = sys.exc_info()[1]  # nbgrader logs what it has just caught
        self.only_files &= error is None or isinstance(error, OSError)


def convert(root: Path, assignment: str, students: Collection[str]) -> None:
    """Write the pages of these students. Raises CourseError, once the other pages are written."""
    with closing(open_gradebook(root, assignment)) as book:  # says in one sentence why it cannot be used
        unknown = set(students) - submitters(book, assignment)
    take_names_literally()
    config = deepcopy(course_config(root))
    config.CourseDirectory.update(root=str(root), db_url=database_url(root), assignment_id=assignment)
    config.GenerateFeedback.force = True
    # A logger without a parent, so that nothing is printed, however logging is configured.
    log = logging.Logger("autograder.feedback")
    errors = _ErrorCollector()
    log.addHandler(errors)
    say_sentences(log)
    folders = CourseDirectory(config=config, log=log)
    converter = _FeedbackOfSome(coursedir=folders, config=config, log=log)
    converter.students = set(students) - unknown
    problems = []
    if converter.students:
        try:
            converter.start()
        except NbGraderException as error:
            problems.append(_summary(errors, error))
    if unknown:
        problems.append(
            f"{unrecorded(unknown)}: run `autograder grade` to record them again, or restore the gradebook"
            " from a backup if it held points or comments given by hand."
        )
    if problems:
        raise CourseError(" ".join(problems))


def _summary(errors: _ErrorCollector, error: Exception) -> str:
    """Sum up the errors that nbgrader logged: which students, and the last line of each error."""
    lines = errors.lines
    students = re.findall(r"for student '(.*)'", "\n".join(lines))
    causes = [x for x in lines if x and not x.startswith(("There was an error", "The errors above"))]
    said = [_NO_ENTRY.sub("the gradebook has no grades of theirs", x.splitlines()[-1]) for x in causes]
    why = "; ".join(dict.fromkeys(x.rstrip(".") for x in said)) or error
    repair = "" if errors.only_files else " Run `autograder grade --force` for them;"
    return (
        f"the feedback for {', '.join(students) or 'the class'} could not be written: {why}.{repair}"
        f"{' all' if repair else ' All'} other feedback was written."
    )
