"""Files named on the command line: what a person may have meant."""

from __future__ import annotations

from pathlib import Path

from autograder.core import file_wording
from autograder.core.errors import Unreadable
from autograder.core.suggestions import did_you_mean


def refuse_other_file(path: Path) -> None:
    """Raise Unreadable if there is no such file."""
    if path.is_dir():
        raise Unreadable(file_wording.is_a_folder(str(path)))
    if not path.exists() and not path.is_symlink():
        beside = [x.name for x in path.parent.glob("*.ipynb")] if path.parent.is_dir() else []
        wanted = path.name if path.suffix else f"{path.name}.ipynb"
        raise Unreadable(file_wording.no_such_file(str(path), did_you_mean(wanted, beside) if beside else ""))
