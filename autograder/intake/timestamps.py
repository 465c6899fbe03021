"""Read nbgrader's timestamp.txt: the time of a submission.

nbgrader's own parser takes CEST for UTC and +0200 for 200 seconds, and fills in today's date if there is
none. Here a text means one time or is refused. nbgrader's commands read it through this module, too
(nbgrader_plugins/replacements.py).
"""

from __future__ import annotations

import codecs
import re
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from autograder.core.errors import Unreadable
from autograder.intake.notebook_file import refuse_link
from autograder.nbgrader_glue.config import course_config

MAX_BYTES = 1000
UTC_NAMES = ("UTC", "GMT", "Z")
UTC_ENDING = re.compile(r"(?<![A-Za-z])(utc|gmt|z)$", re.IGNORECASE)
UTC_OFFSET = re.compile(
    r"\b(UTC|GMT)\s?(?=[+-]\d)", re.IGNORECASE
)  # dateutil reads UTC+2 as two hours behind
REGION = re.compile(r"\s+([A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+)$")  # Europe/Berlin
YEAR_FIRST = re.compile(r"\d{4}")
FILLINGS = (datetime(2000, 1, 1), datetime(2001, 2, 2))
"""What dateutil takes missing parts from. A text that leaves out part of the date gives two dates."""


def read_timestamp(path: Path, root: Path) -> datetime | None:
    """The time in the file, in UTC and without a tzinfo, as nbgrader stores it. No zone means UTC.

    None if there is no such file or it is empty. Abbreviations such as CEST are understood only if they
    belong to the time zone of the exchange in the course's nbgrader_config.py. Raises Unreadable.
    """
    refuse_link(path)
    if not path.is_file():
        return None
    with path.open("rb") as file:
        text = _decoded(file.read(MAX_BYTES)).strip()
    if not text:
        return None
    try:
        return _parse(text, root)
    except _ChangedClocks as error:
        raise Unreadable(
            f"{path.name} has an hour that the clocks of {error.args[0]} repeat or skip: write UTC or an"
            " offset, as in 2026-01-31 18:00:00 +0200."
        ) from None
    except _UnknownZone as error:
        raise Unreadable(
            f"{path.name} has the time zone {error.args[0]!r}, which does not name one offset from UTC: write"
            " UTC or an offset, as in 2026-01-31 18:00:00 +0200."
        ) from None
    except (ValueError, OverflowError):
        raise Unreadable(
            f"{path.name} does not contain a valid time ({text[:40]!r}): correct it, as in"
            " 2026-01-31 18:00:00 UTC."
        ) from None


class _UnknownZone(ValueError):
    """A time zone that is not understood; its name is the argument."""


class _ChangedClocks(ValueError):
    """A time that a region's clocks show twice, or never; the region's name is the argument."""


def _decoded(data: bytes) -> str:
    """Text with or without a byte order mark; Windows PowerShell writes UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _parse(text: str, root: Path) -> datetime:
    from dateutil.tz import (  # type: ignore[import-untyped]  # dateutil has no types
        datetime_ambiguous,
        datetime_exists,
        gettz,
    )

    region = REGION.search(text)
    if region is None:
        text = UTC_OFFSET.sub("", text)
        found = _one_time(UTC_ENDING.sub(lambda match: match[0].upper(), text), root)
    else:
        zone = gettz(region[1])
        if zone is None:
            raise _UnknownZone(region[1])
        found = _one_time(text[: region.start()], root).replace(tzinfo=zone)
        if datetime_ambiguous(found) or not datetime_exists(found):
            raise _ChangedClocks(region[1])
    return (found - (found.utcoffset() or timedelta(0))).replace(tzinfo=None)


def _one_time(text: str, root: Path) -> datetime:
    """The time that `text` means in every reading. Raises ValueError if there are several, or none."""
    from dateutil.parser import parse  # type: ignore[import-untyped]

    names: list[str] = []

    def zone(name: str | None, offset: int | None) -> tzinfo | None:
        names[:] = [name] if name and name not in UTC_NAMES and f"({name})" not in text else []
        return _zone(name, offset, root, bool(names))

    orders = [(False, False)] if YEAR_FIRST.match(text) else [(False, False), (True, False), (False, True)]
    readings: list[datetime] = [
        parse(text, default=filling, tzinfos=zone, dayfirst=day, yearfirst=year)
        for filling in FILLINGS
        for day, year in orders
    ]
    if len(set(readings)) > 1:
        raise ValueError("several times")
    if names and readings[0].tzname() != names[0]:
        raise _UnknownZone(names[0])
    return readings[0]


def _zone(name: str | None, offset: int | None, root: Path, abbreviated: bool) -> tzinfo | None:
    from dateutil.tz import UTC, gettz, tzoffset

    if abbreviated:
        exchange = course_config(root).get("Exchange", {})
        found: tzinfo | None = gettz(str(exchange.get("timezone", "UTC"))) if offset is None else None
        if found is None:
            raise _UnknownZone(name)
        return found
    if offset is not None:
        shift: tzinfo = tzoffset(None, offset)
        return shift
    utc: tzinfo = UTC
    return utc if name else None
