"""nbgrader's own release step, run quietly on a course folder.

nbgrader is imported inside the functions: it takes seconds, and most of this package's commands
do without it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from autograder.core.errors import ReleaseError

if TYPE_CHECKING:
    from traitlets.config import Config
from autograder.nbgrader_glue.config import put_tools_on_path


def generate(config: Config, root: Path, assignment: str, database: str) -> None:
    """`nbgrader generate_assignment` in `root`, into `database` (an SQLAlchemy address)."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.converters.base import NbGraderException
    from nbgrader.coursedir import CourseDirectory

    put_tools_on_path()
    settings = deepcopy(config)
    settings.CourseDirectory.update(root=str(root), db_url=database, assignment_id=assignment)
    settings.GenerateAssignment.force = True
    errors = _Errors()
    # Apart from the tree of loggers, so that nothing is printed whatever the program has set.
    log = logging.Logger("autograder.nbgrader")
    log.addHandler(errors)
    folder = CourseDirectory(config=settings, log=log)
    try:
        GenerateAssignment(coursedir=folder, config=settings, log=log).start()
    except NbGraderException as error:
        raise ReleaseError(
            [f"nbgrader could not make {assignment} from its sources: {errors.reason or error}."]
        ) from error


class _Errors(logging.Handler):
    """Keeps why nbgrader gave up: it logs the traceback and then raises 'see above'."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.reason = ""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().strip()
        if "Traceback (most recent call last)" in text:
            self.reason = text.splitlines()[-1].rstrip(".")


@contextmanager
def numbered_ids(seed: str) -> Iterator[None]:
    """Within, nbgrader's new rows get ids counted from `seed` instead of random ones.

    So the same sources give the same gradebook. For a new gradebook only: in one that holds rows
    already, counting from the start again would meet its own ids.
    """
    from nbgrader import api

    count = itertools.count()

    def numbered() -> UUID:
        return uuid5(NAMESPACE_URL, f"autograder:{seed}:{next(count)}")

    random = api.uuid4
    api.uuid4 = numbered
    try:
        yield
    finally:
        api.uuid4 = random


@contextmanager
def quick_databases() -> Iterator[None]:
    """Within, new SQLite databases cost little: for scratch databases only.

    nbgrader commits each cell by itself, so connections do not wait for the disk here; and it
    starts the `alembic` program to learn one word, which alembic as a library says at once.
    """
    from alembic.script import ScriptDirectory
    from nbgrader import api, dbutil
    from sqlalchemy import Engine, event

    def relax(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    def newest() -> str:
        return str(ScriptDirectory(dbutil.ALEMBIC_DIR).get_current_head())

    asked = api.get_alembic_version
    api.get_alembic_version = newest
    event.listen(Engine, "connect", relax)
    try:
        yield
    finally:
        event.remove(Engine, "connect", relax)
        api.get_alembic_version = asked
