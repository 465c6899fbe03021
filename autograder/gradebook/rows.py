"""The gradebook as rows: compared, asked for students, and changed in one transaction.

Rows and not bytes, because the file of an SQLite database also tells which version of SQLite
wrote it. nbgrader's own classes are not needed for that.
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

PATIENCE = 60.0  # seconds to wait for another writer, formgrader for one


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns and its rows, as a set: SQLite promises no order."""

    columns: tuple[str, ...]
    rows: frozenset[tuple[Any, ...]]


def tables(database: Path) -> dict[str, Table]:
    """All tables of an SQLite file; ReleaseError when it is not one."""
    with _reading(database) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ]
        return {name: _table(connection, name) for name in names}


def people(database: Path) -> tuple[int, int]:
    """How many students and how many submissions the gradebook holds."""
    found = tables(database)
    empty = Table((), frozenset())
    return (
        len(found.get("student", empty).rows),
        len(found.get("submitted_assignment", empty).rows),
    )


def copy(database: Path, to: Path) -> None:
    """A consistent copy, also while others write."""
    with _reading(database) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def apply_changes(before: Path, after: Path, live: Path) -> int:
    """Do to `live` what was done between two copies of it; returns how many rows that touched.

    One transaction: all of it or nothing, and rows that others wrote meanwhile (grades, above
    all) stay. ReleaseError, and nothing done, when they changed the very same rows.
    """
    old, new = tables(before), tables(after)
    touched = 0
    with closing(sqlite3.connect(live, timeout=PATIENCE)) as connection:
        connection.isolation_level = None  # BEGIN and COMMIT are ours
        connection.execute("BEGIN IMMEDIATE")
        try:
            for name, table in new.items():
                if name not in old:
                    raise ReleaseError([f"{live} lacks the table {name}: run `nbgrader db upgrade` first."])
                gone = old[name].rows - table.rows
                come = table.rows - old[name].rows
                touched += len(gone | come)
                _delete(connection, name, table.columns, gone)
                marks = ", ".join("?" * len(table.columns))
                connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', list(come))
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
    same = " AND ".join(f'"{column}" IS ?' for column in columns)
    for row in rows:
        if connection.execute(f'DELETE FROM "{name}" WHERE {same}', row).rowcount != 1:
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
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as connection:
            yield connection
    except sqlite3.DatabaseError as error:
        raise ReleaseError(
            [
                (
                    f"{database} is no gradebook that can be read ({error}): move it away and run"
                    " `autograder release`, or restore it with `git checkout gradebook.db`."
                )
            ]
        ) from error
