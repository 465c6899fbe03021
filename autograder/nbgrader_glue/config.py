"""TODO nbgrader_glue.config."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.core.errors import ReleaseError

if TYPE_CHECKING:
    from traitlets.config import Config


def database_url(root: Path) -> str:
    """The database that nbgrader_config.py names, else gradebook.db; SQLite waits for other writers."""
    url = str(course_config(root).CourseDirectory.get("db_url", "")) or f"sqlite:///{root / 'gradebook.db'}"
    if url.startswith("sqlite:///") and "timeout=" not in url:
        url += ("&" if "?" in url else "?") + "timeout=60"
    return url


def put_tools_on_path() -> None:
    """Let nbgrader find `alembic`, which it starts by its bare name on a database's first use.

    Without it that first command leaves a database which no later one repairs; and another
    environment's alembic would do the same, so ours goes first.
    """
    tools = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != tools:
        os.environ["PATH"] = os.pathsep.join(filter(None, [tools, path]))


def course_config(root: Path) -> Config:
    """The settings in the course's nbgrader_config.py, which stock nbgrader reads too."""
    from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

    try:
        config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    except ConfigFileNotFound:
        raise ReleaseError(
            [
                (
                    f"{root} holds no nbgrader_config.py: run this in the course's root folder (or"
                    " name it with --course), or restore it with `git checkout nbgrader_config.py`."
                )
            ]
        ) from None
    if not str(config.CourseDirectory.get("course_id", "")).strip():
        raise ReleaseError(
            ["nbgrader_config.py sets no c.CourseDirectory.course_id: give the course a name."]
        )
    return config
