"""Write the file that `--json` asks for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder.core.errors import CourseError


def write_json(path: Path, data: bytes) -> None:
    """Indent JSON and write it to `path`. Raises CourseError if the file cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(data, indent=1) + b"\n")
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}): name another --json file.") from None
