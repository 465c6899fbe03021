"""HTML made by students, without anything that a browser would run."""

from __future__ import annotations

import html
import re
from functools import lru_cache
from typing import Any

import nbformat
import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List

from autograder.core import wording

NODES: Any = nbformat  # which has no types
TAGS = {
    "a", "abbr", "acronym", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd",
    "del", "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span",
    "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var",
}  # fmt: skip
WITH_CONTENT = {"script", "style", "template", "noscript"}
"""Tags that go with what is between them."""
ATTRIBUTES = {
    "*": {"title", "align", "valign", "style", "class"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "table": {"border"},
    "ol": {"start"},
}
CLASSES = re.compile(r"((highlight|hll|dataframe|[a-z]{1,2}[0-9a-z]?)(\s+|$))+")  # colours of code
STYLES = {
    "background-color", "border", "border-collapse", "border-color", "clear", "color", "direction", "display",
    "float", "font", "font-family", "font-size", "font-style", "font-variant", "font-weight", "height",
    "letter-spacing", "line-height", "overflow", "padding", "text-align", "text-decoration", "text-indent",
    "vertical-align", "white-space", "width",
}  # fmt: skip
"""Nothing that lifts a box over others, and nothing that loads anything."""
PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
LONGEST = 500_000  # characters of HTML; reading them takes a second
SAFE = {"text/plain", "text/latex", "image/png", "image/jpeg", "image/svg+xml"}


class SanitizeHtml(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
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
        return f"<p><em>{html.escape(wording.too_long_to_show(len(text)))}</em></p>"
    return nh3.clean(
        text,
        tags=TAGS,
        clean_content_tags=WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=_filtered,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel=None,
        filter_style_properties=STYLES,
    )


def _filtered(tag: str, name: str, value: str) -> str | None:
    """The value of an allowed attribute, or None to drop it."""
    if name == "class":
        allowed = CLASSES.fullmatch(value) is not None
    elif name == "src":
        allowed = not value.strip().lower().startswith("data:") or PICTURE.fullmatch(value) is not None
    elif name == "href":
        allowed = "data:" not in re.sub(r"\s", "", value.lower())
    else:
        allowed = name != "style" or "url" not in value.lower()
    return value if allowed else None


def _inert(text: str) -> str:
    """HTML that a markdown renderer passes on as it is: one line, nothing that markdown reads."""
    for character in "\n$\\":
        text = text.replace(character, f"&#{ord(character)};")
    return f"<div>{text}</div>"
