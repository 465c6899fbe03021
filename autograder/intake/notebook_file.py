"""Read a submitted notebook, whatever state it is in, or say in one sentence why it cannot be read."""

from __future__ import annotations

import json
import re
from collections.abc import Container
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.core import file_wording
from autograder.core.cells import joined, savable
from autograder.core.errors import Unreadable

if TYPE_CHECKING:
    from nbformat import NotebookNode


MAX_BYTES = 100 * 2**20
MAX_CELLS = 5000
MAX_ATTACHMENT = 4 * 2**20
"""Characters in base64 of one picture that was pasted into a text cell; larger ones are dropped."""
ATTACHMENT_TYPES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml")
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read_notebook(path: Path) -> NotebookNode:
    """The notebook at `path` in the current format, without its outputs. Raises Unreadable."""
    return tidy(notebook_data(path), path.name)


def notebook_data(path: Path) -> dict[str, Any]:
    """The JSON object in a notebook file, as submitted. Raises Unreadable."""
    try:
        if not path.is_file():
            raise Unreadable(file_wording.not_a_file(path.name))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise Unreadable(file_wording.too_large(path.name, size, MAX_BYTES))
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Unreadable(file_wording.unreadable_file(path.name, str(error.strerror))) from None
    except UnicodeDecodeError:
        raise Unreadable(file_wording.not_a_notebook(path.name, file_wording.NOT_UTF8)) from None
    if not text.strip():
        raise Unreadable(file_wording.empty_file(path.name))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise Unreadable(file_wording.not_a_notebook(path.name, file_wording.invalid_json(line))) from None
    if not isinstance(data, dict):
        raise Unreadable(file_wording.not_a_notebook(path.name, file_wording.NO_CELLS))
    return data


def tidy(data: dict[str, Any], name: str) -> NotebookNode:
    """A notebook in the current format, with the text and grade_ids of the cells in `data`.

    `name` is the file's, for the error message. Raises Unreadable if there are no cells, or too many.
    """
    cells = data.get("cells")
    if cells is None and isinstance(data.get("worksheets"), list):  # format 3
        sheets = [sheet for sheet in data["worksheets"] if isinstance(sheet, dict)]
        lists = [sheet.get("cells") for sheet in sheets]
        cells = [cell for part in lists if isinstance(part, list) for cell in part]
    if not isinstance(cells, list):
        raise Unreadable(file_wording.not_a_notebook(name, file_wording.NO_CELLS))
    if len(cells) > MAX_CELLS:
        raise Unreadable(file_wording.too_many_cells(name, len(cells), MAX_CELLS))
    seen: set[str] = set()
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    from nbformat import from_dict  # takes a second to import

    notebook: NotebookNode = from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "cells": [
                _cell(cell, number, seen) for number, cell in enumerate(cells) if isinstance(cell, dict)
            ],
        }
    )
    return notebook


def _cell(raw: dict[str, Any], number: int, seen: set[str]) -> dict[str, Any]:
    """Keep a cell's text, id, type, grade_id and pasted pictures, and drop everything else."""
    source = joined(raw.get("source", raw.get("input", "")) or "")
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    source = savable(source)
    kind = raw["cell_type"] if raw.get("cell_type") in ("code", "markdown") else "raw"
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    wanted = raw.get("id") or metadata.get("id")  # Colab keeps the id in the metadata
    if not isinstance(wanted, str) or not CELL_ID.fullmatch(wanted) or wanted in seen:
        wanted = fresh_id(f"submitted-{number}", seen)
    seen.add(wanted)
    cell: dict[str, Any] = {"id": wanted, "cell_type": kind, "metadata": {}, "source": source}
    if kind == "code":
        cell |= {"outputs": [], "execution_count": None}
    elif attachments := _pictures(raw.get("attachments")):
        cell["attachments"] = attachments
    tag = metadata.get("nbgrader")
    if isinstance(tag, dict) and isinstance(tag.get("grade_id"), str):
        cell["metadata"] = {"nbgrader": {"grade_id": tag["grade_id"]}}  # the skeleton has the rest
    return cell


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """The pictures among a cell's attachments: by their names, in base64 by their MIME types."""
    found: dict[str, dict[str, str]] = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for mime, data in bundle.items() if isinstance(bundle, dict) else ():
            text = joined(data)
            if mime in ATTACHMENT_TYPES and len(text) <= MAX_ATTACHMENT and BASE64.fullmatch(text):
                found.setdefault(savable(name), {})[mime] = text
    return found


def refuse_link(path: Path) -> None:
    """Raise Unreadable for a link: it could lead to another student's work or to the solutions."""
    if path.is_symlink():
        raise Unreadable(file_wording.link(path.name))


def fresh_id(wanted: str, taken: Container[str]) -> str:
    """`wanted`, with a number added if it is taken."""
    return next(x for n in count() if (x := f"{wanted}-{n}" if n else wanted) not in taken)
