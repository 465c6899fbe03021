"""nbgrader's settings for a course, its database URL, and the tools it needs on PATH."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.core.errors import ReleaseError

if TYPE_CHECKING:
    from traitlets.config import Config


def database_url(root: Path) -> str:
    """The SQLAlchemy URL of the course's gradebook: from nbgrader_config.py, else gradebook.db.

    SQLite is told to wait for other writers. Raises ReleaseError like `course_config`.
    """
    url = str(course_config(root).CourseDirectory.get("db_url", "")) or f"sqlite:///{root / 'gradebook.db'}"
    if url.startswith("sqlite:///") and "timeout=" not in url:
        url += ("&" if "?" in url else "?") + "timeout=60"
    return url


def put_tools_on_path() -> None:
    """Put this environment's scripts first on PATH, so that nbgrader finds the right `alembic`.

    nbgrader runs it when it creates a database. If it is missing or belongs to another environment, the
    database stays broken: no later command repairs it.
    """
    tools = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != tools:
        os.environ["PATH"] = os.pathsep.join(filter(None, [tools, path]))


def course_config(root: Path) -> Config:
    """Load the course's nbgrader_config.py. Raises ReleaseError if it is missing or sets no course_id."""
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    try:
        config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    except ConfigFileNotFound:
        raise ReleaseError(
            [
                (
                    f"{root} has no nbgrader_config.py: run this in the course's root folder (or point to it"
                    " with --course), or restore it with `git checkout nbgrader_config.py`."
                )
            ]
        ) from None
    if not str(config.CourseDirectory.get("course_id", "")).strip():
        raise ReleaseError(
            ["nbgrader_config.py does not set c.CourseDirectory.course_id: give the course a name."]
        )
    return config
