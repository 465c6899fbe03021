"""Files that an option of the command line names: results and pages.

They may replace what an earlier run wrote there, and nothing else: a name completed wrongly by the shell must
not cost a notebook.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from autograder.core.errors import CourseError

HEAD = 4096  # bytes of an existing file that are looked at
IsOurs = Callable[[bytes], bool]
"""Whether a file that begins with these bytes was written by an earlier run."""


def refuse_output(path: Path, option: str, is_ours: IsOurs) -> None:
    """Raise CourseError unless the file can be written and holds nothing that another program wrote.

    `option` is the name of the option, for the message.
    """
    try:
        mode = path.stat().st_mode if path.exists() else None
        if mode is None and not path.parent.is_dir():
            raise CourseError(f"{path} cannot be written ({path.parent} is not a folder): {_other(option)}")
        if mode is not None and stat.S_ISDIR(mode):
            raise CourseError(f"{path} is a folder: {_other(option)}")
        if mode is not None and not os.access(path, os.W_OK):
            raise CourseError(f"{path} cannot be written (Permission denied): {_other(option)}")
        if mode is not None and not _is_stream(path) and path.stat().st_size:
            with path.open("rb") as file:
                head = file.read(HEAD)
            if not is_ours(head):
                raise CourseError(
                    f"{path} was not written by an earlier {option} and is not replaced: {_other(option)}"
                )
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}): {_other(option)}") from None


def write_output(path: Path, data: bytes, option: str, is_ours: IsOurs) -> None:
    """Write the file, in full or not at all.

    Raises CourseError if that fails, or if it would replace a file of another kind.
    """
    refuse_output(path, option, is_ours)
    place = path.resolve()  # a link stays a link
    temporary = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        if _is_stream(path):
            with path.open("ab") as stream:  # /dev/stdout may be a file with other output in it
                stream.write(data)
            return
        temporary.write_bytes(data)
        temporary.replace(place)
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}): {_other(option)}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _is_stream(path: Path) -> bool:
    """Whether the path leads to a pipe, a device or an open file of the shell's: /dev/stdout, >(jq .)."""
    return path.parts[:2] in (("/", "dev"), ("/", "proc")) or (path.exists() and not path.is_file())


def _other(option: str) -> str:
    return f"name another {option} file."
