"""TODO feedback.json_report."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder.core.errors import CourseError


def write_json(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(msgspec.json.format(data, indent=1) + b"\n")
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}): name another --json file.") from None
