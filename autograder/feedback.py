"""The feedback pages: nbgrader's own, run quietly, with nothing in them that a browser would run.

What a student reads about an exercise stands in its test cell since grading (assembly.fill); here
it becomes HTML next to the student's own work.
"""

from __future__ import annotations

import html
import logging
import re
from collections.abc import Sequence
from copy import deepcopy
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from bleach.css_sanitizer import (  # type: ignore[import-untyped]
    ALLOWED_CSS_PROPERTIES,
    CSSSanitizer,
)
from bleach.sanitizer import ALLOWED_TAGS, Cleaner  # type: ignore[import-untyped]
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List

from autograder.errors import CourseError
from autograder.generate import course_config, put_tools_on_path
from autograder.nbgrader_log import say_sentences

NODES: Any = nbformat  # which has no types
TAGS = ALLOWED_TAGS | {
    "br", "caption", "center", "col", "colgroup", "dd", "del", "details", "div", "dl", "dt",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "ins", "kbd", "mark",
    "p", "pre", "q", "s", "samp", "small", "span", "sub", "summary", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "u", "var",
}  # fmt: skip
GONE = re.compile(r"<(script|style|template|noscript)\b.*?(</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
ATTRIBUTES = {
    "*": {"title", "align", "valign", "style"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "table": {"border"},
    "ol": {"start"},
}
CLASSES = re.compile(r"((highlight|hll|dataframe|[a-z]{1,2}[0-9a-z]?)(\s+|$))+")  # colours of code
STYLES = ALLOWED_CSS_PROPERTIES | {"padding", "border"}  # nothing that lifts a box over others
PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
LONGEST = 500_000  # characters of HTML; reading them takes a second
SAFE = {"text/plain", "text/latex", "image/png", "image/jpeg", "image/svg+xml"}


class Harmless(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Leaves of student-made HTML what can be looked at, in feedback and in formgrader.

    Markdown cells, raw cells and HTML outputs may hold scripts, and nbgrader's templates pass on
    what they hold, also with nbconvert's `sanitize_html`.
    """

    display_data_priority: Any = List().tag(config=True)  # HTMLExporter sets it for every step

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[Any, Any]:
        if cell.cell_type == "markdown":
            cell.source = _inert(_from_markdown(cell.source))
            cell.pop("attachments", None)
        elif cell.cell_type == "raw":
            cell.cell_type = "markdown"
            cell.source = _inert(f"<pre>{html.escape(cell.source)}</pre>")
        else:
            for output in cell.get("outputs", []):
                if "data" in output:
                    output.data = NODES.from_dict(_shown(output.data))
                    # The submitted metadata go: sizes and frames that nobody has checked.
                    output.metadata = NODES.from_dict({"alt": "output of this cell"})
        return cell, resources


def _shown(data: dict[str, Any]) -> dict[str, str]:
    """What of an output may be shown."""
    texts = {mime: "".join(text) for mime, text in data.items() if isinstance(text, (str, list))}
    kept = {mime: text for mime, text in texts.items() if mime in SAFE}
    if "text/html" in texts:
        kept["text/html"] = clean(texts["text/html"])
    elif "text/markdown" in texts:
        kept["text/html"] = _from_markdown(texts["text/markdown"])
    return kept


@lru_cache(maxsize=1000)
def _from_markdown(source: str) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return clean(MarkdownWithMath(renderer=renderer).render(source))


def clean(text: str) -> str:
    """HTML without anything that runs or covers the page."""
    if len(text) > LONGEST:
        return f"<p><em>[{len(text)} characters of HTML are too long to show here]</em></p>"
    cleaner = Cleaner(  # one for each text: it keeps a state, and formgrader's server may have threads
        tags=TAGS,
        attributes=_allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )
    return str(cleaner.clean(GONE.sub("", text)))


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return CLASSES.fullmatch(value) is not None
    if name == "src":
        return not value.strip().lower().startswith("data:") or PICTURE.fullmatch(value) is not None
    if name == "href" and "data:" in re.sub(r"\s", "", value.lower()):
        return False
    return name in ATTRIBUTES["*"] or name in ATTRIBUTES.get(tag, ())


def _inert(text: str) -> str:
    """HTML that a markdown renderer passes on as it is: one line, nothing that markdown reads."""
    for character in "\n$\\":
        text = text.replace(character, f"&#{ord(character)};")
    return f"<div>{text}</div>"


class PageExporter(HTMLExporter):
    """HTMLExporter at half the time.

    It does without a second reading of the finished page, which is for JupyterLab's template and
    for pictures without a description (Harmless has given them one), and colours the cells that all
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
    from autograder.gradebook import database_url  # torch, which nbgrader's own commands spare

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
