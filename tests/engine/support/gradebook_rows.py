"""Everything that a gradebook says about students, in a form that two gradebooks can be compared in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from autograder.nbgrader_glue.config import database_url

TABLES = ("student", "submitted_assignment", "submitted_notebook", "grade", "comment")
LABELS = {
    "assignment": "SELECT id, name FROM assignment",
    "notebook": "SELECT id, name FROM notebook",
    "base_cell": "SELECT id, name FROM base_cell",
    "submitted_assignment": "SELECT id, 'of ' || student_id FROM submitted_assignment",
    "submitted_notebook": """
        SELECT submitted_notebook.id, notebook.name || ' of ' || student_id FROM submitted_notebook
        JOIN notebook ON submitted_notebook.notebook_id = notebook.id
        JOIN submitted_assignment ON submitted_notebook.assignment_id = submitted_assignment.id""",
}
Rows = dict[str, list[tuple[tuple[str, Any], ...]]]


def gradebook_file(root: Path) -> Path:
    """The file that nbgrader_config.py names."""
    return Path(database_url(root).removeprefix("sqlite:///").split("?")[0])


def gradebook_rows(root: Path) -> Rows:
    """All rows of the tables about students, with every column; random ids are replaced by names."""
    with closing(sqlite3.connect(gradebook_file(root))) as book:
        names = {key: name for query in LABELS.values() for key, name in book.execute(query)}
        return {table: _rows(book, table, names) for table in TABLES}


def _rows(book: sqlite3.Connection, table: str, names: dict[str, str]) -> list[tuple[tuple[str, Any], ...]]:
    cursor = book.execute(f"SELECT * FROM {table}")
    columns = [column[0] for column in cursor.description]
    own_id = table in ("grade", "comment")
    found = [
        tuple(
            (column, names.get(value, value))
            for column, value in zip(columns, row, strict=True)
            if not (own_id and column == "id")
        )
        for row in cursor
    ]
    return sorted(found, key=repr)
