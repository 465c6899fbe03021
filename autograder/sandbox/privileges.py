"""Uids, capabilities and no_new_privs: what the student's process gives up and the fork server keeps."""

from __future__ import annotations

import contextlib
import os

from autograder.sandbox import kernel

_AMBIENT_RAISE, _AMBIENT_CLEAR_ALL = 2, 4
_JOIN_SESSION_KEYRING = 1


def drop(uid: int | None) -> None:
    """Switch to `uid` (None: keep the present one) without any capability, now or after any exec."""
    with contextlib.suppress(OSError):  # keyrings are not in every kernel
        kernel.syscall("keyctl", _JOIN_SESSION_KEYRING, None)
    _empty_bounding_set()
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    with contextlib.suppress(OSError):  # Linux before 4.3 has no ambient set
        kernel.prctl(kernel.PR_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    kernel.capset(0, 0, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    # The change of uid made /proc/self unreadable: undo that, since nothing in this memory is secret.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def keep_over_exec() -> None:
    """Let a process that is not uid 0 keep its capabilities over the next exec."""
    held = permitted()
    kernel.capset(held, held, held)
    for capability in range(held.bit_length()):
        if held >> capability & 1:
            kernel.prctl(kernel.PR_CAP_AMBIENT, _AMBIENT_RAISE, capability)


def permitted() -> int:
    """This process's permitted capabilities as a bit mask."""
    with open("/proc/thread-self/status") as file:
        line = next(line for line in file if line.startswith("CapPrm:"))
    return int(line.split()[1], 16)


def _empty_bounding_set() -> None:
    for capability in range(64):
        try:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
        except OSError:  # EINVAL past the last capability; EPERM for an ordinary user, who has none
            return
