"""Gradebooks as plain rows: compare two, count students, update one in a single transaction.

Rows rather than bytes, because an SQLite file also records which version of SQLite wrote it. nbgrader's own
classes are not needed for this.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from autograder.core.errors import ReleaseError
from autograder.nbgrader_glue.gradebook_file import COMMITTED, PRIVATE

LOCK_TIMEOUT = 60.0  # seconds to wait for another writer, such as formgrader


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns and rows; the rows are a set because SQLite promises no order."""

    columns: tuple[str, ...]
    rows: frozenset[tuple[Any, ...]]


def tables(database: Path) -> dict[str, Table]:
    """All tables of an SQLite file. Raises ReleaseError if it cannot be read as one."""
    with _reading(database) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        return {name: _table(connection, name) for name in names}


def people(database: Path) -> tuple[int, int]:
    """The numbers of students and of submissions in the gradebook. Raises ReleaseError."""
    found = tables(database)
    empty = Table((), frozenset())
    return (
        len(found.get("student", empty).rows),
        len(found.get("submitted_assignment", empty).rows),
    )


def notebooks(database: Path, assignment: str) -> set[str]:
    """The names of the assignment's notebooks in the gradebook. Raises ReleaseError."""
    query = """
        SELECT notebook.name FROM notebook JOIN assignment ON assignment_id = assignment.id
        WHERE assignment.name = ?"""
    with _reading(database) as connection:
        return {row[0] for row in connection.execute(query, [assignment])}


def copy(database: Path, to: Path) -> None:
    """Make a consistent copy, even while others write. Raises ReleaseError."""
    with _reading(database) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def apply_changes(before: Path, after: Path, live: Path) -> int:
    """Apply the difference between two copies of `live` to `live`; returns the number of rows changed.

    This is one transaction, all or nothing. Rows that others wrote meanwhile, above all grades, are kept.
    Raises ReleaseError, and changes nothing, if others changed the same rows.
    """
    old, new = tables(before), tables(after)
    touched = 0
    with closing(sqlite3.connect(live, timeout=LOCK_TIMEOUT)) as connection:
        connection.isolation_level = None  # no implicit BEGIN or COMMIT
        connection.execute("BEGIN IMMEDIATE")
        try:
            for name, table in new.items():
                if name not in old:
                    raise ReleaseError([f"{live} has no table {name}: run `nbgrader db upgrade` first."])
                removed = old[name].rows - table.rows
                added = table.rows - old[name].rows
                touched += len(removed | added)
                _delete(connection, name, table.columns, removed)
                values = ", ".join("?" * len(table.columns))
                connection.executemany(f'INSERT INTO "{name}" VALUES ({values})', list(added))
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return touched


def _delete(
    connection: sqlite3.Connection,
    name: str,
    columns: tuple[str, ...],
    rows: frozenset[tuple[Any, ...]],
) -> None:
    condition = " AND ".join(f'"{column}" IS ?' for column in columns)
    for row in rows:
        if connection.execute(f'DELETE FROM "{name}" WHERE {condition}', row).rowcount != 1:
            raise ReleaseError(
                [
                    (
                        "the gradebook changed while it was being updated: close formgrader and run"
                        " `autograder release` again."
                    )
                ]
            )


def _table(connection: sqlite3.Connection, name: str) -> Table:
    cursor = connection.execute(f'SELECT * FROM "{name}"')
    columns = tuple(column[0] for column in cursor.description)
    return Table(columns, frozenset(cursor.fetchall()))


@contextmanager
def _reading(database: Path) -> Iterator[sqlite3.Connection]:
    try:
        address = f"file:{quote(str(database))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        private = database.parent.name == PRIVATE  # the class's, which git ignores
        restore = "from a backup" if private else f"with `git checkout {COMMITTED}`"
        raise ReleaseError(
            [
                (
                    f"{database} cannot be read as a gradebook ({error}): restore it {restore}, or move it"
                    " away and run `autograder release`, which makes an empty one."
                )
            ]
        ) from error
