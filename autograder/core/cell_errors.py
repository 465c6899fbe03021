"""The error that stopped a cell, as one line for the student."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.core import wording
from autograder.core.records import Output

MAX_ERROR = 300
"""In characters, without the place."""
_PLACE = re.compile(r"Cell In\[(\d+)\], line (\d+)")
_FILE = re.compile(r" \(<cell \d+>, line \d+\)$")


def cell_error(outputs: Sequence[Output]) -> str | None:
    """The error among a cell's outputs: kind, message and line; None if there is none.

    A cell that is no valid Python has a SyntaxError with the line that Python names.
    """
    return next((one_line(x.ename, x.evalue, x.traceback) for x in outputs if x.kind == "error"), None)


def one_line(kind: str, message: str, traceback: Sequence[str]) -> str:
    """An error in one line, with the innermost line of the notebook that IPython's traceback shows."""
    text = " ".join(_FILE.sub("", message).split())
    error = (f"{kind}: {text}" if text else kind)[:MAX_ERROR]
    places = _PLACE.findall("\n".join(traceback))
    return f"{error} ({wording.place(*places[-1])})" if places else error
