"""The source notebooks of an assignment, exactly as their author saved them.

They are read as JSON rather than with nbformat, which raises a traceback where an author needs a sentence.
nbformat also silently repairs what should be reported: it makes up missing cell ids, different ones each
time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.core.cells import joined
from autograder.core.errors import ReleaseError

IGNORED = (".ipynb_checkpoints", "__pycache__", ".DS_Store", "Thumbs.db", "desktop.ini")
"""What Jupyter, Python and file managers leave in folders that they open."""


@dataclass(frozen=True, slots=True)
class SourceCell:
    """One cell; `tag` is its nbgrader metadata, or None if it has none."""

    id: str
    kind: str
    source: str
    tag: dict[str, Any] | None

    @property
    def name(self) -> str:
        """How messages refer to this cell: by its grade_id, else by its cell id."""
        return self.grade_id or self.id or "(no id)"

    @property
    def grade_id(self) -> str:
        return str((self.tag or {}).get("grade_id", ""))

    @property
    def is_solution(self) -> bool:
        return bool((self.tag or {}).get("solution"))

    @property
    def is_grade(self) -> bool:
        return bool((self.tag or {}).get("grade"))


@dataclass(frozen=True, slots=True)
class SourceNotebook:
    """One notebook in source/<assignment>.

    `shown` is its path in messages, relative to the course; `minor` is 0 if the format is not 4.
    """

    shown: str
    name: str
    minor: int
    metadata: dict[str, Any]
    cells: tuple[SourceCell, ...]


def notebook_paths(root: Path, assignment: str) -> list[Path]:
    """The notebooks in source/<assignment>, sorted by name. Raises ReleaseError if there are none."""
    folder = root / "source" / assignment
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise ReleaseError(
            [
                (
                    f"source/{assignment}/ in {root} contains no notebooks: run this in the course's root"
                    " folder (or point to it with --course), or restore the sources with"
                    f" `git checkout source/{assignment}`."
                )
            ]
        )
    return found


def read_source(root: Path, path: Path) -> SourceNotebook:
    """Read one source notebook. Raises ReleaseError if the file is not a notebook."""
    shown = path.relative_to(root).as_posix()
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        cells = tuple(_cell(raw) for raw in data["cells"])
        minor = int(data.get("nbformat_minor", 0)) if data.get("nbformat") == 4 else 0
        return SourceNotebook(shown, path.stem, minor, dict(data.get("metadata", {})), cells)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ReleaseError(
            [
                (
                    f"{shown} is not a readable notebook ({type(error).__name__}: {error}):"
                    f" restore it with `git checkout {shown}`, or save it again in JupyterLab."
                )
            ]
        ) from error


def read_sources(root: Path, assignment: str) -> list[SourceNotebook]:
    """Read all notebooks of the assignment. Raises one ReleaseError that lists every unreadable file."""
    notebooks, unreadable = [], []
    for path in notebook_paths(root, assignment):
        try:
            notebooks.append(read_source(root, path))
        except ReleaseError as error:
            unreadable += error.sentences
    if unreadable:
        raise ReleaseError(unreadable)
    return notebooks


def _cell(raw: dict[str, Any]) -> SourceCell:
    tag = raw.get("metadata", {}).get("nbgrader")
    if tag is not None and not isinstance(tag, dict):
        raise TypeError("the nbgrader metadata of a cell is not an object")
    return SourceCell(str(raw.get("id", "")), str(raw["cell_type"]), joined(raw["source"]), tag)
