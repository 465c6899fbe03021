"""A course's settings, and every limit on the time a submission may take."""

from __future__ import annotations

import dataclasses
import re
from difflib import get_close_matches
from typing import Annotated, Any, Literal, get_args

import msgspec

from autograder.core.errors import CourseError
from autograder.core.limits import Limits
from autograder.core.suggestions import did_you_mean

MAX_SECONDS = 1e6  # eleven days; what waits for a process cannot count much further
MAX_JOBS = 1000
TABLE = "autograder"
Device = Literal["cpu", "cuda", "auto"]
"""Where submissions are graded; "auto" is "cuda" on a machine with a GPU that can be used, else "cpu"."""
Seconds = Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)]


class TimeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a submission may take, in seconds of wall-clock time (except `lost_cells`)."""

    cell: Seconds = 30.0
    """One cell; if it takes longer, it is interrupted."""
    grace: Seconds = 2.0
    """How long an interrupted cell has to stop before its process is killed."""
    notebook: Seconds = 300.0
    """All cells together."""
    question: Seconds = 15.0
    """One request by a check."""
    exercise: Seconds = 60.0
    """All checks of one exercise."""
    submission: Seconds = 1800.0
    """Everything together."""
    lost_cells: Annotated[int, msgspec.Meta(ge=0)] = 4
    """A count: once more cells than this have ended their process, the remaining cells are left out."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings that `[tool.autograder]` in the course's pyproject.toml may contain."""

    time: TimeLimits = TimeLimits()
    memory: Limits = Limits()
    jobs: Annotated[int, msgspec.Meta(ge=0, le=MAX_JOBS)] = 0
    """Number of workers; 0 means one per processor."""
    device: Device = "cpu"
    """Where submissions are graded, unless the command line says it."""
    namespaces: bool = True
    """Whether the sandbox uses namespaces where the machine allows them."""
    unsafe: bool = False
    """Whether to grade even where nothing keeps a submission from reading every file that you can read."""


def parse_settings(file: dict[str, Any]) -> Settings:
    """Check `[tool.autograder]` in what pyproject.toml holds.

    Raises CourseError, worded to follow the name of the file.
    """
    tools = file.get("tool", {})
    if not isinstance(tools, dict):
        raise CourseError("[tool.autograder] is invalid: tool has to be a table.")
    for shown, table in (("[{}]", file), ("[tool.{}]", tools)):
        for name in table:
            if get_close_matches(name.casefold(), [TABLE], cutoff=0.8) and (name, table) != (TABLE, tools):
                raise CourseError(f"there is no table {shown.format(name)}: did you mean [tool.{TABLE}]?")
    given = tools.get(TABLE, {})
    if not isinstance(given, dict):
        raise CourseError("[tool.autograder] is invalid: it has to be a table.")
    _refuse_unknown("", given, Settings.__struct_fields__)
    _refuse_unknown("time.", given.get("time"), TimeLimits.__struct_fields__)
    _refuse_unknown("memory.", given.get("memory"), [x.name for x in dataclasses.fields(Limits)])
    try:
        return msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        name = place.strip(".`")
        reason = re.sub(r"^Expected `(\w+)`", _expected, reason)
        reason = re.sub(r"^Invalid enum value (.*)", rf"\1 is none of {', '.join(get_args(Device))}", reason)
        raise CourseError(f"[tool.autograder] is invalid: {name}: {reason}.") from None


def _refuse_unknown(prefix: str, table: Any, known: Any) -> None:
    """Raise CourseError for the first setting of the table that does not exist."""
    for name in table if isinstance(table, dict) else ():
        if name not in known:
            meant = did_you_mean(prefix + name, [prefix + x for x in known])
            raise CourseError(f"[tool.autograder] is invalid: there is no setting {prefix}{name}: {meant}")


def _expected(match: re.Match[str]) -> str:
    devices = f"one of {', '.join(get_args(Device))}"  # no other setting is a text
    kinds = {
        "str": devices,
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "object": "a table",
    }
    return f"expected {kinds.get(match[1], match[1])}"
