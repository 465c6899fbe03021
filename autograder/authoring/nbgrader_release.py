"""`nbgrader generate_assignment`, run quietly on a course folder.

nbgrader is imported inside the functions because that takes seconds and most commands do not need it.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from autograder.core.errors import ReleaseError
from autograder.nbgrader_glue.config import put_tools_on_path

if TYPE_CHECKING:
    from traitlets.config import Config


def generate_assignment(config: Config, root: Path, assignment: str, database: str) -> None:
    """Make release/<assignment> in `root` and record it in `database`, an SQLAlchemy URL.

    Raises ReleaseError if nbgrader fails.
    """
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    put_tools_on_path()
    settings = deepcopy(config)
    settings.CourseDirectory.update(root=str(root), db_url=database, assignment_id=assignment)
    settings.GenerateAssignment.force = True
    errors = _Errors()
    # Not part of the logger hierarchy, so nothing is printed, however logging is configured.
    log = logging.Logger("autograder.nbgrader")
    log.addHandler(errors)
    folder = CourseDirectory(config=settings, log=log)
    try:
        GenerateAssignment(coursedir=folder, config=settings, log=log).start()
    except NbGraderException as error:
        reason = errors.reason or str(error)
        raise ReleaseError([_sentence(assignment, reason)]) from error


def _sentence(assignment: str, reason: str) -> str:
    if not reason.endswith("because there are submissions associated with it"):
        return f"nbgrader could not generate {assignment}: {reason}."
    what = re.search(r"(?<=Cannot ).*(?= because)", reason)
    return (
        f"the class's gradebook holds submissions of {assignment}, so no notebook or graded cell of it can be"
        f" added, removed or renamed (nbgrader cannot {what[0] if what else 'change it'}): undo that in"
        f" source/{assignment}/, or keep it for the next class."
    )


class _Errors(logging.Handler):
    """Remembers why nbgrader failed, which it only logs: its exception says 'see above'."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if "Traceback (most recent call last)" in text:
            self.reason = text.splitlines()[-1].rstrip(".")


@contextmanager
def numbered_ids(seed: str) -> Iterator[None]:
    """Give nbgrader's new rows ids counted from `seed` instead of random ones.

    The same sources then give the same gradebook. For new gradebooks only: in an existing one, counting from
    the start again would repeat ids.
    """
    from nbgrader import api

    count = itertools.count()

    def next_id() -> UUID:
        return uuid5(NAMESPACE_URL, f"autograder:{seed}:{next(count)}")

    original = api.uuid4
    api.uuid4 = next_id
    try:
        yield
    finally:
        api.uuid4 = original


@contextmanager
def quick_databases() -> Iterator[None]:
    """Speed up nbgrader's use of SQLite. For scratch databases only.

    nbgrader commits every cell separately, so connections are told not to wait for the disk. It also starts
    the `alembic` program just to learn the schema's version, which alembic's library returns at once.
    """
    from alembic.script import ScriptDirectory
    from nbgrader import api, dbutil
    from sqlalchemy import Engine, event

    def skip_fsync(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    def latest_version() -> str:
        return str(ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head())

    original = api.get_alembic_version
    api.get_alembic_version = latest_version
    event.listen(Engine, "connect", skip_fsync)
    try:
        yield
    finally:
        event.remove(Engine, "connect", skip_fsync)
        api.get_alembic_version = original
