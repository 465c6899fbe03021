"""The last step before student code runs: a fresh fork of the fork server confines itself."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from autograder.core.limits import Limits
from autograder.sandbox import kernel, landlock, namespaces, privileges, resource_limits, syscalls
from autograder.sandbox.capabilities import FIRST_UID, SLOTS, Capabilities, SandboxError
from autograder.sandbox.gpu_paths import GpuPaths
from autograder.sandbox.view import View

# Tells the fork server how it was launched; `enter` removes it from the environment.
SANDBOX_VARIABLE = "AUTOGRADER_SANDBOX"
_DEVICES = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")]


def inherited() -> tuple[Capabilities, View] | None:
    """In the fork server: the capabilities and the view that `launch` gave it; None without `launch`."""
    text = os.environ.get(SANDBOX_VARIABLE)
    if text is None:
        return None
    setup: dict[str, Any] = json.loads(text)
    links = tuple((str(link), str(target)) for link, target in setup["links"])
    gpu = GpuPaths.restored(setup["gpu"]) if "gpu" in setup else None
    return Capabilities(**setup["capabilities"]), View(tuple(setup["binds"]), links, gpu)


def enter(limits: Limits, capabilities: Capabilities, *, slot: int, writable: Path | None = None) -> Path:
    """Confine this freshly forked child of the fork server, for good.

    Returns the working directory (also HOME): /tmp/work on a tmpfs of its own or, without a mount
    namespace, `writable`, an empty folder that the caller has made and will delete. `slot`, from
    0 to 477, picks the uid. Raises OSError or SandboxError; if it does, run no student code.
    """
    if not 0 <= slot < SLOTS:
        raise SandboxError(f"slot {slot} is not between 0 and {SLOTS - 1}")
    if writable is None and not capabilities.mount:
        raise SandboxError("without a mount namespace the sandbox needs a writable folder")
    launched = inherited()
    shown = launched[1] if launched else View((), ())
    uid = FIRST_UID + slot if capabilities.uids else None
    work = _working_folder(limits, capabilities, shown, uid, writable)
    other_processes = _other_processes(capabilities, uid)
    resource_limits.apply(limits, other_processes=other_processes, gpu=shown.gpu is not None)
    ruleset = _ruleset(capabilities, shown, work) if capabilities.landlock else None
    os.chdir(work)
    _settle(work)
    privileges.drop(uid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if ruleset is not None:
        landlock.restrict(ruleset)
    if capabilities.filter:  # last: it forbids calls that the steps above need
        syscalls.install()
    return work


def _working_folder(
    limits: Limits, capabilities: Capabilities, shown: View, uid: int | None, writable: Path | None
) -> Path:
    owner = os.geteuid() if uid is None else uid
    if capabilities.mount:
        namespaces.fresh_folders(limits, shown, uid=owner, ipc=capabilities.ipc)
        return Path(namespaces.WORK)
    if capabilities.ipc:
        kernel.unshare(kernel.CLONE_NEWIPC)
    assert writable is not None
    if uid is not None:
        for folder, _, _ in os.walk(writable):  # so that files can be added beside the materials
            os.chown(folder, uid, uid)
    return writable.resolve()


def _other_processes(capabilities: Capabilities, uid: int | None) -> int:
    """How many processes already count against the limit: none for its own uid, else all of the user's."""
    if uid is not None:
        return 0
    # A user namespace has its own count, which includes the supervisor and the fork server.
    return 2 if capabilities.user else resource_limits.count_threads(os.getuid())


def _ruleset(capabilities: Capabilities, shown: View, work: Path) -> int:
    if capabilities.mount:
        readable = ["/"] if capabilities.proc else [path for path in _top() if path != "/proc"]
        writable = ["/tmp", namespaces.SHM]
    else:
        readable = [*shown.binds, *_DEVICES]
        # torch and multiprocessing cannot put their shared memory anywhere else.
        writable = [str(work), namespaces.SHM]
    if not capabilities.proc:
        readable += [f"/proc/{name}" for name in landlock.PROC_FILES]
    if shown.gpu is None:
        return landlock.make_ruleset(capabilities.landlock, readable, [*writable, "/dev/null"])
    return landlock.make_ruleset(
        capabilities.landlock,
        [*readable, *([] if capabilities.proc else _driver_files(shown.gpu))],
        [*writable, "/dev/null"],
        devices=_nodes(capabilities, shown.gpu),
        overwritable=["/proc" if capabilities.gpu_in_forks else "/proc/self/task"],
    )


def _nodes(capabilities: Capabilities, gpu: GpuPaths) -> list[str]:
    if capabilities.mount:
        return [namespaces.inside(node) for node in gpu.nodes]
    return [*gpu.nodes, *gpu.tools]


def _driver_files(gpu: GpuPaths) -> list[str]:
    """What libcuda reads in the outer /proc, to find the driver, the numbers of its nodes and its options."""
    return ["/proc/devices", "/proc/modules", *(f"{gpu.driver}/{name}" for name in gpu.driver_files)]


def _top() -> list[str]:
    return [f"/{name}" for name in os.listdir("/")]


def _settle(work: Path) -> None:
    """Point Python at its new home, and let SIGINT raise KeyboardInterrupt again."""
    os.environ.pop(SANDBOX_VARIABLE, None)
    os.environ["HOME"] = str(work)
    os.environ["TMPDIR"] = tempfile.tempdir = str(work if str(work) != namespaces.WORK else "/tmp")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
