"""The identity of what a student handed in: the notebook, and the files beside it that its code may read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from autograder.course.source_notebooks import IGNORED

NOT_WORK = ("timestamp.txt", "submission_secret.txt")
"""What nbgrader puts beside the submitted files."""
MAX_HASHED = 2**26
"""Bytes; a larger file is known by its size and time of change, since reading it would take too long."""


def submission_digest(notebook: Path) -> str:
    """The SHA-256 of a submitted notebook and of every other file in its folder, except other notebooks.

    Without other files it is that of the notebook file alone. Links are not followed.
    """
    found = hashlib.sha256(notebook.read_bytes())
    for part in _others(notebook.parent):
        found.update(part)
    return found.hexdigest()


def _others(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix == ".ipynb" or path.name in NOT_WORK or set(inside.parts) & set(IGNORED):
            continue
        if path.is_symlink() or not path.is_file():
            continue
        yield inside.as_posix().encode("utf-8", "surrogateescape")
        status = path.stat()
        if status.st_size > MAX_HASHED:
            yield f"{status.st_size} {status.st_mtime_ns}".encode()
        else:
            yield hashlib.sha256(path.read_bytes()).digest()
