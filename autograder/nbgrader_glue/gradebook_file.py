"""Where the class's gradebook is.

`gradebook.db` is committed with the course, so it must never hold a student. The class therefore has a copy
of it in `.autograder/`, which git ignores and only its owner may open. nbgrader_config.py names that copy, so
that nbgrader's own commands and formgrader use it, too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from autograder.core.errors import CourseError

COMMITTED = "gradebook.db"
PRIVATE = ".autograder"
DATABASE_VARIABLE = "NBGRADER_DB_URL"


def class_database_url(root: Path) -> str:
    """The SQLAlchemy URL of the class's gradebook, which is created if it can be: for nbgrader_config.py.

    NBGRADER_DB_URL takes precedence. No timeout is added, since `nbgrader db upgrade` takes the rest of the
    URL for the name of a file.
    """
    given = os.environ.get(DATABASE_VARIABLE)
    if given:
        return given
    file = class_gradebook(root)
    if not file.exists():
        # In a course that this user may only read, or while the drive that .autograder is a link to is not
        # mounted, commands that need no gradebook still work; the others say that the file is missing. An
        # error here would make nbgrader's commands ignore this setting and use gradebook.db.
        with contextlib.suppress(OSError):
            create_class_gradebook(root)
    return f"sqlite:///{file}"


def class_gradebook(root: Path) -> Path:
    """The file with the class's gradebook, whether it exists or not.

    It is `gradebook.db` itself in a course whose class was graded before `.autograder/gradebook.db` existed.
    """
    private = root.resolve() / PRIVATE / COMMITTED
    committed = root.resolve() / COMMITTED
    return committed if not private.exists() and holds_students(committed) else private


def create_class_gradebook(root: Path) -> None:
    """Copy `gradebook.db` for the class, unless it is not a gradebook or another process is faster."""
    place, committed = root / PRIVATE / COMMITTED, root / COMMITTED
    if _students(committed) is None:
        return
    place.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = place.with_name(f"{COMMITTED}.{os.getpid()}")
    try:
        fresh.touch(mode=0o600)  # the folder may be older, and open to others
        shutil.copyfile(committed, fresh)
        with contextlib.suppress(FileExistsError):
            os.link(fresh, place)  # atomic: the first of two processes wins
    finally:
        fresh.unlink(missing_ok=True)


def holds_students(database: Path) -> bool:
    """Whether an SQLite file is a gradebook with students or submissions in it.

    Raises CourseError if others keep it locked for a minute.
    """
    return bool(_students(database))


def _students(database: Path) -> bool | None:
    """Whether the gradebook holds anyone; None if the file is missing or is not a gradebook."""
    if not database.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True, timeout=60)) as book:
            rows = "SELECT EXISTS (SELECT 1 FROM student) OR EXISTS (SELECT 1 FROM submitted_assignment)"
            return bool(book.execute(rows).fetchone()[0])
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (
            sqlite3.SQLITE_NOTADB,
            sqlite3.SQLITE_ERROR,
            sqlite3.SQLITE_CORRUPT,
        ):
            # It may well hold students: never take it for an empty one.
            raise CourseError(
                f"{database} cannot be read ({error}): close what uses it and run the same command again."
            ) from None
        return None


def how_to_move(root: Path) -> str | None:
    """How to take the students out of `gradebook.db`, in one sentence; None if it holds none."""
    committed, private = root.resolve() / COMMITTED, root.resolve() / PRIVATE / COMMITTED
    if not holds_students(committed):
        return None
    problem = f"{committed} holds students, and whoever commits it publishes them"
    if private.exists():
        return (
            f"{problem}: {private} is the class's gradebook now, so move the other one out of the course and"
            " run `autograder release`."
        )
    return (
        f"{problem}: run `mkdir -p -m 700 {PRIVATE} && mv {COMMITTED} {PRIVATE}/ && autograder release` in"
        " the course's root folder. Everything that it holds is kept."
    )
