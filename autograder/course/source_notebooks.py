"""The source notebooks of an assignment, as their author wrote them.

Plain JSON is read here, not nbformat: an author's mistake must be named with its file and its
repair, before a library turns it into a traceback or quietly mends it (nbformat invents the cell
ids that are missing, and invents other ones on the next run).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.core.cells import joined
from autograder.core.errors import ReleaseError

IGNORED = (".ipynb_checkpoints", "__pycache__")


@dataclass(frozen=True, slots=True)
class SourceCell:
    """One cell; `tag` is its nbgrader metadata, None for a cell that nbgrader does not know."""

    id: str
    kind: str
    source: str
    tag: dict[str, Any] | None

    @property
    def name(self) -> str:
        """What a message calls this cell: its grade_id, else its cell id."""
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
    """One notebook of source/<assignment>; `shown` is its path as messages give it."""

    shown: str
    name: str
    minor: int
    metadata: dict[str, Any]
    cells: tuple[SourceCell, ...]


def notebook_paths(root: Path, assignment: str) -> list[Path]:
    """The notebooks of source/<assignment>, sorted by name; an error when there are none."""
    folder = root / "source" / assignment
    found = sorted(folder.glob("*.ipynb"))
    if not found:
        raise ReleaseError(
            [
                (
                    f"source/{assignment}/ in {root} holds no notebook: run this in the course's root"
                    " folder (or name it with --course), or restore the sources with"
                    f" `git checkout source/{assignment}`."
                )
            ]
        )
    return found


def read_source(root: Path, path: Path) -> SourceNotebook:
    """Read one source notebook; ReleaseError when it is not one."""
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
                    f" restore it with `git checkout {shown}` or save it again in JupyterLab."
                )
            ]
        ) from error


def read_sources(root: Path, assignment: str) -> list[SourceNotebook]:
    """All notebooks of the assignment; one ReleaseError names every unreadable one."""
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
        raise TypeError("a cell's nbgrader metadata is no object")
    return SourceCell(str(raw.get("id", "")), str(raw["cell_type"]), joined(raw["source"]), tag)
