"""Helpers for attacks: make a call and report the error that stopped it."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Any

MIB = 1 << 20
libc = ctypes.CDLL(None, use_errno=True)


def error_of(action: Any) -> str:
    """The name of the error that stopped `action`, or "done"."""
    try:
        result = action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "OSError")
    if isinstance(result, int) and result == -1:
        return errno.errorcode[ctypes.get_errno()]
    return "done"


def open_once(path: str, flags: int) -> None:
    os.close(os.open(path, flags))
