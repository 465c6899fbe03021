"""TODO core.cells."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode


def joined(text: Any) -> str:
    """The text of a multi-line string as notebooks store it: one string or a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def savable(text: str) -> str:
    """Text that UTF-8 can write: a file may be named by other bytes, and JSON hold half a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def tag_of(cell: NotebookNode) -> dict[str, Any]:
    tag = cell.metadata.get("nbgrader")
    return tag if isinstance(tag, dict) else {}


def is_test(cell: NotebookNode) -> bool:
    tag = tag_of(cell)
    return bool(tag.get("grade")) and not tag.get("solution") and cell.cell_type == "code"


def is_written(cell: NotebookNode) -> bool:
    tag = tag_of(cell)
    return bool(tag.get("grade") and tag.get("solution"))
