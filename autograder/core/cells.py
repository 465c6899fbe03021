"""Read notebook cells: their text and their nbgrader metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode


def joined(text: Any) -> str:
    """Join a multi-line string, which notebooks store as one string or as a list of lines."""
    return "".join(map(str, text)) if isinstance(text, list) else str(text)


def savable(text: str) -> str:
    """Replace what UTF-8 cannot encode.

    A file name may hold bytes that are not UTF-8, and JSON may hold half of a surrogate pair.
    """
    return text.encode("utf-8", "replace").decode()


def tag_of(cell: NotebookNode) -> dict[str, Any]:
    """Return the cell's nbgrader metadata, or an empty dict if it has none or it is malformed."""
    tag = cell.metadata.get("nbgrader")
    return tag if isinstance(tag, dict) else {}


def is_test(cell: NotebookNode) -> bool:
    """Whether this is an autograder test cell: graded code that is not part of the solution."""
    tag = tag_of(cell)
    return bool(tag.get("grade")) and not tag.get("solution") and cell.cell_type == "code"


def is_solution(cell: NotebookNode) -> bool:
    """Whether this is the cell for an exercise's solution, which earns no points itself."""
    tag = tag_of(cell)
    return bool(tag.get("solution")) and not tag.get("grade") and cell.cell_type == "code"


def is_written(cell: NotebookNode) -> bool:
    """Whether this is a manually graded answer."""
    tag = tag_of(cell)
    return bool(tag.get("grade") and tag.get("solution"))
