"""TODO sandbox.enter."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from autograder.core.limits import Limits
from autograder.sandbox import kernel, landlock, namespaces, privileges, syscalls
from autograder.sandbox import limits as _limits
from autograder.sandbox.capabilities import FIRST_UID, SLOTS, Capabilities, SandboxError
from autograder.sandbox.view import View

# Tells the warm process what launch() built; `enter` takes it out of the environment.
WALLS_VARIABLE = "AUTOGRADERWALLS_VARIABLE"
_DEVICES = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")]


def inherited() -> tuple[Capabilities, View] | None:
    """In the warm process: the form it was launched in and what it sees; None if not launched."""
    told = os.environ.get(WALLS_VARIABLE)
    if told is None:
        return None
    walls: dict[str, Any] = json.loads(told)
    links = tuple((str(link), str(target)) for link, target in walls["links"])
    return Capabilities(**walls["capabilities"]), View(tuple(walls["binds"]), links)


def enter(limits: Limits, capabilities: Capabilities, *, slot: int, writable: Path | None = None) -> Path:
    """Put this freshly forked child of the warm process behind its walls, for good.

    Returns the working directory (also HOME): /tmp/work on a tmpfs of its own, or, in a form
    without mounts, `writable`, an empty folder that the caller made and will delete. `slot`,
    from 0 to 477, picks the uid. Raises OSError or SandboxError: then run no student code.
    """
    if not 0 <= slot < SLOTS:
        raise SandboxError(f"slot {slot} is not in 0 to {SLOTS - 1}")
    if writable is None and not capabilities.mount:
        raise SandboxError("this form of the sandbox needs a writable folder from its caller")
    launched = inherited()
    shown = launched[1] if launched else View((), ())
    uid = FIRST_UID + slot if capabilities.uids else None
    work = _working_folder(limits, capabilities, shown, uid, writable)
    _limits.apply(limits, crowd=_crowd(capabilities, uid))
    ruleset = _ruleset(capabilities, shown, work) if capabilities.landlock else None
    os.chdir(work)
    _settle(work)
    privileges.drop(uid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if ruleset is not None:
        landlock.restrict(ruleset)
    if capabilities.filter:  # last: it forbids what the walls above need
        syscalls.install()
    return work


def _working_folder(
    limits: Limits, capabilities: Capabilities, shown: View, uid: int | None, writable: Path | None
) -> Path:
    me = os.geteuid() if uid is None else uid
    if capabilities.mount:
        namespaces.fresh_folders(limits, shown, uid=me, ipc=capabilities.ipc)
        return Path(namespaces.WORK)
    if capabilities.ipc:
        kernel.unshare(kernel.CLONE_NEWIPC)
    assert writable is not None
    if uid is not None:
        os.chown(writable, uid, uid)
    return writable.resolve()


def _crowd(capabilities: Capabilities, uid: int | None) -> int:
    """Processes that count with the student's: none under an own uid, else all of the user's."""
    if uid is not None:
        return 0
    # A user namespace counts for itself: the shim and the warm process are in it.
    return 2 if capabilities.user else _limits.crowd(os.getuid())


def _ruleset(capabilities: Capabilities, shown: View, work: Path) -> int:
    if capabilities.mount:
        readable = ["/"] if capabilities.proc else [path for path in _top() if path != "/proc"]
        writable = ["/tmp", namespaces.SHM]
    else:
        readable = [*shown.binds, *_DEVICES]
        # Shared memory of torch and multiprocessing has no other place.
        writable = [str(work), namespaces.SHM]
    if not capabilities.proc:
        readable += [f"/proc/{name}" for name in landlock.PROC_FILES]
    return landlock.rules(capabilities.landlock, readable, [*writable, "/dev/null"])


def _top() -> list[str]:
    return [f"/{name}" for name in os.listdir("/")]


def _settle(work: Path) -> None:
    """Tell Python where it lives now, and let Ctrl-C's signal mean something again."""
    os.environ.pop(WALLS_VARIABLE, None)
    os.environ["HOME"] = str(work)
    os.environ["TMPDIR"] = tempfile.tempdir = str(work if str(work) != namespaces.WORK else "/tmp")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
