"""The kernel calls that the sandbox needs and Python 3.11 lacks. Each raises OSError when it fails."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from functools import cache
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 1 << 12, 1 << 13, 1 << 14, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = 36, 38, 47

_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4

# Numbers from 424 on are the same on every architecture; the older two are not.
_OLD_NUMBERS = {
    "x86_64": {"pivot_root": 155, "keyctl": 250},
    "aarch64": {"pivot_root": 41, "keyctl": 219},
}
_NUMBERS = {
    "mount_setattr": 442,
    "landlock_create_ruleset": 444,
    "landlock_add_rule": 445,
    "landlock_restrict_self": 446,
    **_OLD_NUMBERS.get(platform.machine(), {}),
}


@cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _long(value: object) -> object:
    """Widen an integer argument: ctypes would pass a bare int as 32 bits."""
    return ctypes.c_long(value) if isinstance(value, int) else value


def syscall(name: str, *arguments: object) -> int:
    """Make the system call `name`; arguments are integers, byte strings or pointers."""
    if name not in _NUMBERS:
        raise OSError(errno.ENOSYS, f"{name}: its number on {platform.machine()} is unknown")
    result = _libc().syscall(ctypes.c_long(_NUMBERS[name]), *(_long(one) for one in arguments))
    return _checked(int(result), name)


def prctl(option: int, *arguments: int) -> int:
    """prctl(2), always with all five arguments, since some options insist on zeros."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    result = _libc().prctl(option, *(ctypes.c_ulong(one) for one in padded))
    return _checked(int(result), f"prctl {option}")


def unshare(flags: int) -> None:
    """Move to fresh namespaces of the kinds named by `flags`."""
    _checked(int(_libc().unshare(ctypes.c_int(flags))), f"unshare {flags:#x}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2); pass empty strings for what is not needed."""
    result = _libc().mount(
        source.encode(),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )
    _checked(int(result), f"mount {kind or source} on {target}")


def bind(source: str, target: str) -> None:
    """Show `source` and every mount below it at `target` too."""
    mount(source, target, flags=MS_BIND | MS_REC)


def unmount(target: str) -> None:
    """Detach a mount and everything below it at once, busy or not."""
    _checked(int(_libc().umount2(os.fsencode(target), MNT_DETACH)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make the mount at `new` the root of this mount namespace and move the old root to `old`."""
    syscall("pivot_root", os.fsencode(new), os.fsencode(old))


def harden(target: str, *, recursive: bool) -> None:
    """Make a mount read-only, and ignore its set-uid bits and devices (mount_setattr, Linux 5.12).

    A remount, the older way, would have to repeat the flags of every mount below it.
    """
    attributes = (ctypes.c_uint64 * 4)(_ATTR_RDONLY | _ATTR_NOSUID | _ATTR_NODEV, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    size = ctypes.sizeof(attributes)
    path = os.fsencode(target)
    syscall("mount_setattr", _AT_FDCWD, path, flags, ctypes.byref(attributes), size)


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """Set this thread's capability sets, each a bit mask of up to 64 bits."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    low, high = 0xFFFFFFFF, 32
    sets = (effective, permitted, inheritable)
    data = (ctypes.c_uint32 * 6)(*(one & low for one in sets), *(one >> high for one in sets))
    _checked(int(_libc().capset(ctypes.byref(header), ctypes.byref(data))), "capset")
