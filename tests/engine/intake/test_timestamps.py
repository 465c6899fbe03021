"""timestamp.txt: one time, or a sentence."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from autograder.core.errors import Unreadable
from autograder.intake.timestamps import read_timestamp

TEN = datetime(2026, 7, 5, 10)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "nbgrader_config.py").write_text("c.CourseDirectory.course_id = 'x'\n")
    return tmp_path


def read(course: Path, content: str | bytes) -> datetime | None:
    path = course / "timestamp.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_timestamp(path, course)


@pytest.mark.parametrize(
    "text",
    [
        "2026-07-05 10:00:00",
        "2026-07-05 10:00:00 UTC",
        "2026-07-05 10:00:00.000000 UTC",  # as nbgrader's exchange writes it
        "2026-07-05 10:00:00 GMT",
        "2026-07-05 10:00:00 utc",
        "2026-07-05 10:00:00 z",
        "2026-07-05T10:00:00Z",
        "2026-07-05 12:00:00 +0200",
        "2026-07-05 12:00:00 +02:00",
        "2026-07-05 12:00:00+0200",
        "2026-07-05T12:00:00+02:00",
        "2026-07-05 12:00 UTC+2",
        "2026-07-05 06:30:00 GMT-3:30",
        "2026-07-05 05:00:00 -0500",
        "2026-07-05 12:00:00 Europe/Berlin",
        "2026-07-05 06:00:00 America/New_York",
        "Sun, 05 Jul 2026 12:00:00 +0200 (CEST)",
        "Sun Jul  5 10:00:00 UTC 2026",
        "5 July 2026 10:00",
        "2026-07-05-10-00-00",
        "  2026-07-05 10:00:00 UTC \r\n",
        "\ufeff2026-07-05 10:00:00 UTC\n",
        "2026-07-05 10:00:00 UTC\r\n".encode("utf-16"),  # PowerShell's `>`
    ],
)
def test_times_that_mean_ten_o_clock_utc(course: Path, text: str | bytes) -> None:
    assert read(course, text) == TEN


@pytest.mark.parametrize("zone", ["CEST", "CET", "EST", "EDT", "PST", "IST", "MEZ", "Europe/Berln", "CEST+2"])
def test_zone_that_is_no_single_offset_is_refused(course: Path, zone: str) -> None:
    with pytest.raises(
        Unreadable, match=r"^timestamp\.txt has the time zone .* write UTC or an offset, as in"
    ):
        read(course, f"2026-07-05 10:00:00 {zone}")


@pytest.mark.parametrize(
    "text",
    ["yesterday or so", "10", "10:00", "2026-07", "July 5", "05/06/2026", "26-07-05 10:00", "1767607445"]
    + ["2026-07-05 25:00 UTC", "2026-07-05 10:00 cest", "0001-01-01 00:00 +0200", "9" * 5000, "\0"],
)  # fmt: skip
def test_text_that_is_no_single_time_is_refused(course: Path, text: str) -> None:
    with pytest.raises(Unreadable, match=r"^timestamp\.txt does not contain a valid time \(.*\): correct it"):
        read(course, text)


def test_abbreviations_of_the_exchange_are_understood(course: Path) -> None:
    """nbgrader's exchange writes them if c.Exchange.timezone is set."""
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.Exchange.timezone = 'Europe/Berlin'\n")
    assert read(course, "2026-07-05 12:00:00.000000 CEST") == TEN
    assert read(course, "2026-01-05 11:00:00.000000 CET") == datetime(2026, 1, 5, 10)
    with pytest.raises(Unreadable, match="time zone 'CET'"):
        read(course, "2026-07-05 12:00:00 CET")
    with pytest.raises(Unreadable, match="time zone 'EST'"):
        read(course, "2026-07-05 12:00:00 EST")


def test_both_hours_when_the_clocks_are_set_back(course: Path) -> None:
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.Exchange.timezone = 'Europe/Berlin'\n")
    assert read(course, "2026-10-25 02:30:00 CEST") == datetime(2026, 10, 25, 0, 30)
    assert read(course, "2026-10-25 02:30:00 CET") == datetime(2026, 10, 25, 1, 30)


@pytest.mark.parametrize("text", ["2026-10-25 02:30 Europe/Berlin", "2026-03-29 02:30 Europe/Berlin"])
def test_an_hour_that_is_there_twice_or_never(course: Path, text: str) -> None:
    with pytest.raises(Unreadable, match="an hour that the clocks of Europe/Berlin repeat or skip"):
        read(course, text)


def test_no_time(course: Path) -> None:
    assert read(course, "") is None
    assert read(course, " \n") is None
    assert read_timestamp(course / "other.txt", course) is None


def test_a_link_is_refused(course: Path) -> None:
    (course / "timestamp.txt").symlink_to("/etc/hostname")
    with pytest.raises(Unreadable, match="is a link"):
        read_timestamp(course / "timestamp.txt", course)
