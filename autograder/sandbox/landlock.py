"""Landlock: restrict which files may be read and written; allow no TCP and no signals to the outside.

The second line of defence where there is a mount namespace, and the main one where there is none.
https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from autograder.sandbox import kernel

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_ABI = (1 << 13) - 1
_MAKE_DEVICES = 1 << 6 | 1 << 11
_OVERWRITE = _READ_FILE | _WRITE_FILE
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_TCP_BIND_CONNECT = 3
_SCOPE_ABSTRACT_SOCKETS_SIGNALS = 3
_RULE_PATH_BENEATH = 1
_VERSION_FLAG = 1

# The only readable files of the outer /proc: what numerical libraries ask for, and the process itself.
PROC_FILES = (
    "self", "cpuinfo", "meminfo", "stat", "loadavg", "version", "filesystems", "sys/vm",
    "sys/kernel/osrelease",
)  # fmt: skip


def abi() -> int:
    """The ABI version of this kernel's Landlock; 0 if it has none."""
    try:
        return kernel.syscall("landlock_create_ruleset", None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def make_ruleset(
    abi: int,
    readable: Iterable[str],
    writable: Iterable[str],
    *,
    devices: Iterable[str] = (),
    overwritable: Iterable[str] = (),
) -> int:
    """Make a ruleset and return its descriptor: read and execute below `readable`, anything below `writable`.

    `devices` are the only device nodes that accept an ioctl (before ABI 5, Landlock does not know of it).
    Files below `overwritable` may be read and written, but not made, removed or truncated.
    Separate from `restrict`, because the paths must be opened while still privileged.
    Paths that do not exist are skipped.
    """
    handled = _handled(abi)
    words = [handled]
    words += [_TCP_BIND_CONNECT] if abi >= 4 else []
    words += [_SCOPE_ABSTRACT_SOCKETS_SIGNALS] if abi >= 6 else []
    attributes = struct.pack(f"={len(words)}Q", *words)
    ruleset = kernel.syscall("landlock_create_ruleset", attributes, len(attributes), 0)
    for path in readable:
        _allow(ruleset, path, _READ & handled)
    for path in writable:
        # No device can be created anywhere, and none of these accepts an ioctl.
        _allow(ruleset, path, handled & ~_MAKE_DEVICES & ~_IOCTL_DEV)
    for path in devices:
        _allow(ruleset, path, (_OVERWRITE | _IOCTL_DEV) & handled)
    for path in overwritable:
        _allow(ruleset, path, _OVERWRITE & handled)
    return ruleset


def restrict(ruleset: int) -> None:
    """Apply the rules to this thread and everything it starts, for good; needs no_new_privs."""
    kernel.syscall("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _handled(abi: int) -> int:
    """Every kind of file access this ABI can deny."""
    kinds = _FIRST_ABI
    kinds |= _REFER if abi >= 2 else 0
    kinds |= _TRUNCATE if abi >= 3 else 0
    return kinds | (_IOCTL_DEV if abi >= 5 else 0)


def _allow(ruleset: int, path: str, access: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                access &= _OF_FILES
            rule = ctypes.create_string_buffer(struct.pack("=Qi", access, descriptor))
            kernel.syscall("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(descriptor)
