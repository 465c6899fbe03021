"""A course's settings, and every limit on the time a submission may take."""

from __future__ import annotations

import msgspec

from autograder.core.limits import Limits


class TimeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a submission may take, in seconds of wall-clock time."""

    cell: float = 30.0
    grace: float = 2.0
    notebook: float = 300.0
    question: float = 15.0
    exercise: float = 60.0
    submission: float = 1800.0
    lost_cells: int = 4


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `[tool.autograder]` in the course's pyproject.toml may set."""

    time: TimeLimits = TimeLimits()
    memory: Limits = Limits()
    jobs: int = 0
    namespaces: bool = True
    """Whether the sandbox uses namespaces where the machine allows them."""
    unsafe: bool = False
    """Whether submissions are graded where nothing keeps them from reading every file that you can read."""
