"""A course's settings, and every limit on the time a submission may take."""

from __future__ import annotations

import msgspec

from autograder.core.limits import Limits


class TimeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a submission may take, in seconds of wall-clock time (except `lost_cells`)."""

    cell: float = 30.0
    """One cell; if it takes longer, it is interrupted."""
    grace: float = 2.0
    """How long an interrupted cell has to stop before its process is killed."""
    notebook: float = 300.0
    """All cells together."""
    question: float = 15.0
    """One request by a check."""
    exercise: float = 60.0
    """All checks of one exercise."""
    submission: float = 1800.0
    """Everything together."""
    lost_cells: int = 4
    """A count: once more cells than this have ended their process, the remaining cells are left out."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that `[tool.autograder]` in the course's pyproject.toml may contain."""

    time: TimeLimits = TimeLimits()
    memory: Limits = Limits()
    jobs: int = 0
    """Number of workers; 0 means one per processor."""
    namespaces: bool = True
    """Whether the sandbox uses namespaces where the machine allows them."""
    unsafe: bool = False
    """Whether to grade even where nothing keeps a submission from reading every file that you can read."""
