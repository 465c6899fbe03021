"""Write the file that `--json` asks for."""

from __future__ import annotations

from pathlib import Path

import msgspec

from autograder.core.output_files import refuse_output, write_output

OPTION = "--json"


def is_results(head: bytes) -> bool:
    """Whether a file begins like the results of `grade`, `run` or `check`."""
    text = b"".join(head.split())
    return text.startswith((b'{"assignment":', b'{"schema":')) and (
        b'"results":[' in text or b'"exercises":[' in text
    )


def refuse_json(path: Path) -> None:
    """Raise CourseError if results cannot be written to this file: before anything is graded for it."""
    refuse_output(path, OPTION, is_results)


def write_json(path: Path, data: bytes) -> None:
    """Indent JSON and write it to `path`.

    Raises CourseError if the file cannot be written, or holds something other than earlier results.
    """
    write_output(path, msgspec.json.format(data, indent=1) + b"\n", OPTION, is_results)
