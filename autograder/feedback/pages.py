"""The feedback pages: nbgrader's own, run quietly, with nothing in them that a browser would run.

What a student reads about an exercise stands in its test cell since grading (assembly.fill); here
it becomes HTML next to the student's own work.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from copy import deepcopy
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.core.errors import CourseError
from autograder.nbgrader_glue.config import course_config, put_tools_on_path
from autograder.nbgrader_glue.logs import say_sentences

NODES: Any = nbformat  # which has no types


class PageExporter(HTMLExporter):
    """HTMLExporter at half the time.

    It does without a second reading of the finished page, which is for JupyterLab's template and
    for pictures without a description (SanitizeHtml has given them one), and colours the cells that all
    students share once.
    """

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **more: Any) -> Any:
        exporter: Any = self  # nbconvert has no types
        resources = exporter._init_resources(resources)
        exporter.register_filter("highlight_code", _coloured)
        return TemplateExporter.from_notebook_node(self, nb, resources, **more)


def _coloured(source: str, language: str | None = None, metadata: Any = None) -> str:
    return _coloured_as(source, (metadata or {}).get("magics_language") or language)


@lru_cache(maxsize=1000)
def _coloured_as(source: str, language: str | None) -> str:
    colour = Highlight2HTML(pygments_lexer="ipython3")
    return str(colour(source, language))


class _Feedback(GenerateFeedback):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's converter for some students."""

    patterns: Sequence[str] = ()
    assignments: dict[str, list[str]]

    def init_notebooks(self) -> None:
        super().init_notebooks()
        self.assignments = {
            folder: notebooks
            for folder, notebooks in self.assignments.items()
            if _matches(Path(folder).parent.name, self.patterns)
        }


def _matches(student: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch(student, pattern) for pattern in patterns)


class _Reasons(logging.Handler):
    """Keeps what nbgrader logs as errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage().strip())


def write_feedback(root: Path, assignment: str, students: Sequence[str]) -> list[Path]:
    """Write feedback/<student>/<assignment>/*.html from autograded/, for the students named so.

    `students` are globs; none means all. Every page is written anew: a person's grades and comments
    stand in the gradebook, where no date says when they changed. Raises CourseError.
    """
    root = root.resolve()
    graded = sorted(root.glob(f"autograded/*/{assignment}/*.ipynb"))
    chosen = [path for path in graded if _matches(path.parent.parent.name, students)]
    if not chosen:
        whose = f" of a student named like {' or '.join(students)}" if students and graded else ""
        raise CourseError(
            f"{root / 'autograded'} holds no graded {assignment}{whose}: run `autograder grade` first."
        )
    _convert(root, assignment, students)
    pages = [root / "feedback" / path.relative_to(root / "autograded") for path in chosen]
    return [page.with_suffix(".html") for page in pages]


def _convert(root: Path, assignment: str, students: Sequence[str]) -> None:
    from autograder.nbgrader_glue.config import database_url  # torch, which nbgrader's own commands spare

    put_tools_on_path()
    config = deepcopy(course_config(root))
    config.CourseDirectory.update(root=str(root), db_url=database_url(root), assignment_id=assignment)
    config.GenerateFeedback.force = True
    # Apart from the tree of loggers, so that nothing is printed whatever the program has set.
    log = logging.Logger("autograder.feedback")
    reasons = _Reasons()
    log.addHandler(reasons)
    say_sentences(log)
    folders = CourseDirectory(config=config, log=log)
    converter = _Feedback(coursedir=folders, config=config, log=log)
    converter.patterns = students
    try:
        converter.start()
    except NbGraderException as error:
        raise _trouble(reasons.lines, error) from None


def _trouble(lines: Sequence[str], error: Exception) -> CourseError:
    """One sentence from what nbgrader has logged: for whom, and the last line of each error."""
    students = re.findall(r"for student '(.*)'", "\n".join(lines))
    causes = [x for x in lines if x and not x.startswith(("There was an error", "The errors above"))]
    why = "; ".join(dict.fromkeys(x.splitlines()[-1].rstrip(".") for x in causes)) or error
    return CourseError(
        f"the feedback of {', '.join(students) or 'the class'} could not be written ({why}): run"
        " `autograder grade --force` for them; all other feedback is there."
    )
