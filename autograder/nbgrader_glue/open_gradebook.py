"""Open a course's gradebook, or say in one sentence why it cannot be used."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

from autograder.core.errors import CourseError
from autograder.core.file_errors import broken_link
from autograder.nbgrader_glue.config import course_config, database_url, put_tools_on_path

MAX_NAMED = 5  # students in one sentence


def open_gradebook(root: Path, assignment: str) -> Any:
    """The gradebook as nbgrader's Gradebook, which has no types; close it. Raises CourseError."""
    from nbgrader.api import Gradebook, MissingEntry
    from sqlalchemy.exc import SQLAlchemyError
    from tornado.log import app_log

    put_tools_on_path()
    app_log.addFilter(_is_not_rollback)
    course_id = str(course_config(root).CourseDirectory.get("course_id", ""))
    url = database_url(root)
    file = url.removeprefix("sqlite:///").removeprefix("file:").split("?")[0]
    if url.startswith("sqlite:///") and not Path(file).exists():
        broken = broken_link(Path(file))
        what = f"{broken}: restore that" if broken else f"{file} is missing: run `autograder release`"
        raise CourseError(f"{what}.")
    book: Any = None
    try:
        book = Gradebook(url, course_id)
        book.find_assignment(assignment)
    except MissingEntry:
        book.close()
        raise CourseError(
            f"the gradebook does not contain {assignment}: run `autograder release`, or restore the gradebook"
            " from a backup if it held grades."
        ) from None
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        if book is not None:
            book.close()
        raise CourseError(unusable(error)) from None
    return book


def unusable(error: Exception) -> str:
    """Why the gradebook cannot be used, in one sentence."""
    if isinstance(error, ModuleNotFoundError):
        return (
            f"the gradebook's database needs the package {error.name}, which is not installed: install it, or"
            " correct NBGRADER_DB_URL."
        )
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    damaged = code is not None and code & 0xFF in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
    fix = "restore it from a backup" if damaged else "fix this"
    return f"the gradebook cannot be read ({reason(error)}): {fix} and run the same command again."


def submitters(book: Any, assignment: str) -> set[str]:
    """The ids of the students whose submissions the gradebook contains."""
    return {str(submission.student_id) for submission in book.assignment_submissions(assignment)}


def unrecorded(students: Collection[str]) -> str:
    """The beginning of a sentence about students who were graded, and whom the gradebook does not know."""
    more = len(students) - MAX_NAMED
    names = ", ".join(sorted(students)[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"the gradebook does not contain {names}, whose graded notebooks are in autograded/"


def reason(error: Exception) -> str:
    """What the database said, without the driver's exception class."""
    text = str(getattr(error, "orig", None) or error).splitlines()[0]
    return re.sub(r"^\([\w.]+\) ", "", text)


def _is_not_rollback(record: logging.LogRecord) -> bool:
    """nbgrader logs the traceback of a database error, which is said in one sentence here."""
    return not str(record.msg).startswith("Rolling back session")
