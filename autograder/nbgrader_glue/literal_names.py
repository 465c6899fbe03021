"""A glob for nbgrader, which looks for a student's files by patterns made from names.

Python's glob finds nothing below a folder named `[abc]`, and leaves out one named `.hidden`.
"""

from __future__ import annotations

import os
import sys
from glob import escape
from glob import glob as python_glob
from typing import Any


def take_names_literally() -> None:
    """Make nbgrader's converters, formgrader and the exchange use the glob of this module."""
    import nbgrader.apps.api
    import nbgrader.converters.base
    import nbgrader.exchange.default.release_feedback
    import nbgrader.utils
    from nbgrader.coursedir import CourseDirectory

    this: Any = sys.modules[__name__]
    nbgrader.apps.api.glob = this
    nbgrader.converters.base.glob = this
    nbgrader.exchange.default.release_feedback.glob = this
    nbgrader.utils.glob = this
    if CourseDirectory.format_path.__module__ != __name__:
        CourseDirectory.format_path = _matching_line_breaks(CourseDirectory.format_path)


def _matching_line_breaks(format_path: Any) -> Any:
    """nbgrader's method, whose regular expressions also match names with a line break.

    nbgrader stops the whole class at such a folder, since `.` does not match it.
    """

    def replaced(
        self: Any, nbgrader_step: str, student_id: str, assignment_id: str, escape: bool = False
    ) -> str:
        path: str = format_path(self, nbgrader_step, student_id, assignment_id, escape)
        return f"(?s:{path})" if escape else path

    return replaced


def glob(pattern: str) -> list[str]:
    """Like Python's glob, except that a folder which exists as it is written stands for itself alone.

    `*` always stands for all folders, also for hidden ones if more of the path follows.
    """
    *folders, last = pattern.split(os.sep)
    found = [""]
    for folder in folders:
        found = [path for each in found for path in _folders(each, folder)]
    matches = [path for each in found for path in python_glob(escape(each) + last)]
    return matches or [each + last for each in found if last and os.path.lexists(each + last)]


def _folders(above: str, name: str) -> list[str]:
    """The folders below `above` that `name` stands for, each with a separator at its end."""
    if name in ("", ".", "..") or (name != "*" and os.path.isdir(above + name)):
        return [above + name + os.sep]
    return python_glob(escape(above) + name + os.sep, include_hidden=True)
