"""Bring the class's gradebook up to date with a new release, without touching a submission or a grade."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.authoring.nbgrader_release import generate_assignment, quick_databases
from autograder.core.errors import ReleaseError
from autograder.gradebook import sqlite_diff
from autograder.nbgrader_glue.config import database_url
from autograder.nbgrader_glue.gradebook_file import COMMITTED, create_class_gradebook

if TYPE_CHECKING:
    from traitlets.config import Config


@dataclass(frozen=True, slots=True)
class Update:
    """An update that is ready to be made. `apply` makes it, in full or not at all.

    It returns a sentence about what was changed, or None if nothing was.
    """

    apply: Callable[[], str | None]


def prepare_update(config: Config, root: Path, assignment: str, scratch: Path, pristine: Path) -> Update:
    """Do what can fail on a copy of the class's gradebook. `pristine` is the gradebook of the new release.

    A database other than SQLite has no copy: there, nbgrader makes the whole update when it is applied.
    Raises ReleaseError if nbgrader refuses the update.
    """
    from sqlalchemy.engine import make_url

    address = database_url(root)
    url = make_url(address)
    if not url.drivername.startswith("sqlite"):
        shown = url.render_as_string(hide_password=True)
        return Update(lambda: _generate_elsewhere(config, assignment, scratch, address, shown))
    file = root / (url.database or "").removeprefix("file:")
    committed = root / COMMITTED
    if not file.exists():
        return Update(lambda: _create(root, file, pristine if pristine.exists() else committed))
    if file == committed and not any(sqlite_diff.people(committed)):
        return Update(lambda: None)  # it is replaced as a whole
    before, after = _updated_copies(config, file, assignment, scratch, pristine, committed)
    return Update(lambda: _apply(before, after, file, assignment))


def _updated_copies(
    config: Config, file: Path, assignment: str, scratch: Path, pristine: Path, committed: Path
) -> tuple[Path, Path]:
    """A copy of the gradebook as it is, and one as it is to be."""
    folder = scratch / "update"
    folder.mkdir()
    before, after = folder / "before.db", folder / "after.db"
    sqlite_diff.copy(file, before)
    unused = not any(sqlite_diff.people(before)) and committed.exists()
    if unused and sqlite_diff.tables(before) == sqlite_diff.tables(committed):
        shutil.copyfile(pristine, after)
        return before, after
    shutil.copyfile(before, after)
    shutil.copytree(scratch / "source" / assignment, folder / "source" / assignment)
    with quick_databases():
        generate_assignment(config, folder, assignment, f"sqlite:///{after}")
    return before, after


def _apply(before: Path, after: Path, file: Path, assignment: str) -> str | None:
    try:
        changed = sqlite_diff.apply_changes(before, after, file)
    except sqlite3.Error as error:
        raise ReleaseError(
            [f"{file} cannot be updated ({error}): close what uses it, and run `autograder release` again."]
        ) from None
    students, submissions = sqlite_diff.people(file)
    if not changed:
        return None
    return (
        f"{file} holds {students} students and {submissions} submissions: {assignment} was updated in place"
        f" ({changed} rows), without touching any submission or grade."
    )


def _create(root: Path, file: Path, pristine: Path) -> str | None:
    """Make the class's gradebook, or the SQLite file that NBGRADER_DB_URL names."""
    create_class_gradebook(root)
    if file.exists():
        return None
    shutil.copyfile(pristine, file)
    return f"{file} was created: it is set as the course's database."


def _generate_elsewhere(
    config: Config, assignment: str, scratch: Path, address: str, shown: str
) -> str | None:
    folder = scratch / "elsewhere"
    shutil.copytree(scratch / "source" / assignment, folder / "source" / assignment)
    generate_assignment(config, folder, assignment, address)
    return f"{shown} was updated, too: it is set as the course's database."
