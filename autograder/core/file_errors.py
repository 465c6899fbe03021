"""Say in one sentence why a file could not be read or written."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EEXIST, errno.ENOTEMPTY}
"""Errors that only writing can cause."""
AGAIN = "fix this and run the same command again. What was finished is kept."


def file_error_sentence(error: OSError) -> str | None:
    """What happened to which file, and what to do; None if the error is about no file.

    The system does not say whether a file was to be read or written. If it may not be read, that is what
    failed; in other cases of doubt the sentence leaves it open.
    """
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        file, copy, why = error.args[0][0]  # copytree's list of what it could not copy, with texts as reasons
        reason = re.sub(r"^\[Errno \d+\] ([^:]*).*", r"\1", str(why), flags=re.DOTALL)
        return f"{file} cannot be copied to {copy} ({reason}): {AGAIN}"
    if error.filename is None and error.errno not in WRITING | {errno.EACCES, errno.EPERM, errno.EIO}:
        return None
    file = error.filename if error.filename is not None else "a file"
    if isinstance(file, bytes):
        file = os.fsdecode(file)
    reason = error.strerror or type(error).__name__
    broken = broken_link(Path(str(file)))
    problem = broken or f"{file} {_problem(error, Path(str(file)))} ({reason})"
    return f"{problem}: {AGAIN}"


def broken_link(path: Path) -> str | None:
    """Which of the path and its folders is a link to nothing, such as an unmounted drive; or None."""
    for link in (path, *path.parents):
        if link.is_symlink() and not link.exists():
            return f"{link} is a link to {os.readlink(link)}, which does not exist"
    return None


def _problem(error: OSError, path: Path) -> str:
    if error.errno in WRITING:
        return "cannot be written"
    if error.errno in (errno.ENOENT, errno.EISDIR, errno.ENOTDIR):
        return "cannot be opened"
    if error.errno in (errno.EACCES, errno.EPERM) and error.filename is not None:
        try:
            readable = not path.exists() or os.access(path, os.R_OK)
        except OSError:  # a folder above it cannot be searched
            readable = False
        return "cannot be written" if readable else "cannot be read"
    return "cannot be read or written"
