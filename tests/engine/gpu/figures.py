"""The table of one run, and its place in docs/gpu.md."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Sequence  # noqa: UP035  an old Python reads this too

BEGIN = "<!-- make gpu writes from here … -->"
END = "<!-- … to here -->"
HEAD = ("part", "what", "measured")


def markdown(rows: Sequence[tuple[str, str, str]]) -> str:
    """The rows as a table in Markdown that can be read as it is, with HEAD above."""
    cells = [HEAD, *([_cell(text) for text in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    lines = ["| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write_figures(page: Path, table: str) -> None:
    """Replace what is between the two markers of the page.

    Raises ValueError, and changes nothing, if the page does not have each of them once, in this order.
    """
    text = page.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in head + tail:
        raise ValueError(f"{page} must hold the lines {BEGIN} and {END} once each, in this order")
    fresh = page.with_suffix(".new")
    fresh.write_text(f"{head}{BEGIN}\n\n{table}\n{END}{tail}", encoding="utf-8")
    os.replace(fresh, page)
