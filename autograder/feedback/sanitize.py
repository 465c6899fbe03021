"""Strip from student HTML what runs, and what makes the reader's browser fetch something.

An address that a browser loads by itself tells whoever put it there when the notebook is read, and by whom.
So a picture is shown only if the notebook itself contains it.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import nbformat
import nh3
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import List

from autograder.core import wording

TAGS = {
    "a", "abbr", "acronym", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd",
    "del", "details", "div", "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span",
    "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var",
}  # fmt: skip
REMOVED_WITH_CONTENT = {"script", "style", "template", "noscript"}
"""Tags that are removed together with their content."""
ATTRIBUTES = {
    "*": {"title", "align", "valign", "style", "class"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    "table": {"border"},
    "ol": {"start"},
}
CLASSES = re.compile(r"((highlight|hll|dataframe|[a-z]{1,2}[0-9a-z]?)(\s+|$))+")
"""Classes of highlighted code and of data frames."""
STYLES = {
    "background-color", "border", "border-collapse", "border-color", "clear", "color", "direction", "display",
    "float", "font", "font-family", "font-size", "font-style", "font-variant", "font-weight", "height",
    "letter-spacing", "line-height", "overflow", "padding", "text-align", "text-decoration", "text-indent",
    "vertical-align", "white-space", "width",
}  # fmt: skip
"""Style properties that can neither move a box over others nor load anything."""
FUNCTION = re.compile(r"([\w-]*)\(")
FUNCTIONS = {"rgb", "rgba", "hsl", "hsla", "calc", "min", "max"}
"""The functions that a style may call; others load something, or read what could name an address."""
PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
MACROS = re.compile(r"\\(style|mmlToken|href|class|cssId|require)(?![a-zA-Z])")
"""What MathJax has beyond formulas: styles, which may load a picture or cover the page, and links."""
ADDRESS_CHARACTERS = 90
MAX_HTML = 500_000  # characters; parsing them takes a second
MAX_ENVIRONMENTS = 300
"""How often a text cell may say `\\begin`: for each, nbconvert looks for its end in all that follows."""
ATTACHMENT = "attachment:"
ATTACHED = re.compile(rf'(<img (?:[^>"]|"[^"]*")*?src="){ATTACHMENT}([^"]*)')
SAFE_TYPES = {"text/plain", "text/latex", "image/png", "image/jpeg", "image/svg+xml"}


class SanitizeHtml(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Strips active content from student HTML, in feedback pages and in formgrader.

    Markdown cells, raw cells and HTML outputs may contain scripts, which nbgrader's templates let through
    even with nbconvert's `sanitize_html`.
    """

    display_data_priority: Any = List().tag(config=True)  # HTMLExporter sets it on every preprocessor

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[Any, Any]:
        nb.metadata.pop("widgets", None)  # for the state of widgets, a page loads scripts
        return super().preprocess(nb, resources)  # type: ignore[no-any-return]

    def preprocess_cell(self, cell: NotebookNode, resources: Any, cell_index: int) -> tuple[Any, Any]:
        if cell.cell_type == "markdown":
            pictures = cell.pop("attachments", None) or {}
            cell.source = _markdown_proof(_with_pictures(_from_markdown(cell.source), pictures))
        elif cell.cell_type == "raw":
            cell.cell_type = "markdown"
            cell.source = _markdown_proof(f"<pre>{html.escape(cell.source)}</pre>")
        else:
            for output in cell.get("outputs", []):
                if "data" in output:
                    output.data = nbformat.from_dict(_safe_data(output.data))
                    # Drop the student's metadata: sizes and frames end up in the page unchecked.
                    output.metadata = nbformat.from_dict({"alt": wording.OUTPUT_ALT})
        return cell, resources


def _safe_data(data: dict[str, Any]) -> dict[str, str]:
    """The representations of an output that are safe to show."""
    texts = {mime: "".join(text) for mime, text in data.items() if isinstance(text, (str, list))}
    safe = {mime: text for mime, text in texts.items() if mime in SAFE_TYPES}
    if "text/latex" in safe:
        safe["text/latex"] = _only_formulas(safe["text/latex"])
    if "text/html" in texts:
        safe["text/html"] = _with_pictures(clean(texts["text/html"]))
    elif "text/markdown" in texts:
        safe["text/html"] = _with_pictures(_from_markdown(texts["text/markdown"]))
    return safe


@lru_cache(maxsize=1000)
def _from_markdown(source: str) -> str:
    if len(source) > MAX_HTML or source.count("\\begin") > MAX_ENVIRONMENTS:
        return _too_long(source)
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return clean(MarkdownWithMath(renderer=renderer).render(source))


class _Renderer(IPythonRenderer):
    """Leaves attachments to `_with_pictures`; nbconvert's renderer raises for one that is missing."""

    def _embed_image_or_attachment(self, src: str) -> str:
        return src


def _with_pictures(text: str, attachments: Mapping[str, Mapping[str, str]] = MappingProxyType({})) -> str:
    """Clean HTML with the cell's own pictures in place of their addresses: a picture may be large."""

    def picture(match: re.Match[str]) -> str:
        name = html.unescape(match[2])
        bundle = attachments.get(name) or attachments.get(unquote(name)) or {}
        for mime, data in bundle.items():
            address = f"data:{mime};base64,{''.join(''.join(data).split())}"
            if PICTURE.fullmatch(address):
                return match[1] + address
        return match[1] + _placeholder(f"{ATTACHMENT}{name}")

    return ATTACHED.sub(picture, text)


def _too_long(text: str) -> str:
    return f"<p><em>{html.escape(wording.too_long_to_show(len(text)))}</em></p>"


def clean(text: str) -> str:
    """HTML without anything that runs, loads or covers the page."""
    if len(text) > MAX_HTML:
        return _too_long(text)
    cleaned = nh3.clean(
        text,
        tags=TAGS,
        clean_content_tags=REMOVED_WITH_CONTENT,
        attributes=ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto", "data", "attachment"},
        link_rel=None,
        filter_style_properties=STYLES,
    )
    # Not before: what is stripped may stand in the middle of a word.
    return _only_formulas(cleaned)


def _only_formulas(text: str) -> str:
    """Without the macros by which a formula could load or cover something; their arguments are shown."""
    return MACROS.sub(r"\\operatorname", text)


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """The value of an allowed attribute, or None to drop it."""
    if name == "class":
        allowed = CLASSES.fullmatch(value) is not None
    elif name == "src":
        kept = PICTURE.fullmatch(value) or value.startswith(ATTACHMENT)
        return value if kept else _placeholder(value)
    elif name == "href":
        address = re.sub(r"\s", "", value.lower())
        allowed = "data:" not in address and not address.startswith(ATTACHMENT)
    else:
        allowed = name != "style" or _loads_nothing(value)
    return value if allowed else None


def _loads_nothing(style: str) -> bool:
    """Whether a style calls harmless functions only. A backslash could spell the name of another one."""
    return "\\" not in style and set(FUNCTION.findall(style.lower())) <= FUNCTIONS


def _placeholder(address: str) -> str:
    """A picture that says which picture is not loaded."""
    text = html.escape(wording.picture_not_loaded(address[:ADDRESS_CHARACTERS]))
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="800" height="30">'
        '<rect width="100%" height="100%" fill="#eeeeee"/>'
        f'<text x="8" y="20" font-family="sans-serif" font-size="13">{text}</text></svg>'
    )
    svg = "".join(x if x.isprintable() else "?" for x in svg)
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8', 'replace')).decode()}"


def _markdown_proof(text: str) -> str:
    """Wrap HTML so that a Markdown renderer leaves it alone: one line, no `$` and no backslash."""
    for character in "\n$\\":
        text = text.replace(character, f"&#{ord(character)};")
    return f"<div>{text}</div>"
