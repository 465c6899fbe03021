"""The walls around a student's process.

The grader calls `probe` once and `launch` for each warm process; the warm process forks a child
for a submission, which calls `enter` before any student code, and calls `sweep` after it. What
holds on a machine is its `Form`; every form works, with fewer walls.

"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from autograder.sandbox import cgroup, kernel, landlock, namespaces, privileges, shared_memory, syscalls
from autograder.sandbox import limits as _limits
from autograder.sandbox.form import FIRST_UID, SLOTS, Form, SandboxError
from autograder.sandbox.limits import Limits
from autograder.sandbox.sweep import sweep
from autograder.sandbox.view import View, closed_folder, system_paths, view

__all__ = [
    "FIRST_UID", "SLOTS", "Form", "Limits", "SandboxError", "View", "cgroup", "enter", "inherited", "launch",
    "probe", "shared_memory", "sweep", "system_paths", "view",
]  # fmt: skip

# Tells the warm process what launch() built; `enter` takes it out of the environment.
_WALLS = "AUTOGRADER_WALLS"
_SHIM = Path(__file__).with_name("shim.py")
_DEVICES = [f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")]
_PROBE_S = 20.0


def probe() -> Form:
    """Which walls stand here, tried in a throwaway process (about 50 ms)."""
    if sys.platform != "linux":
        return Form()
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_SHIM), "probe"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PROBE_S,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip() or "no message").splitlines()[-1]
        return Form(linux=True, root=os.geteuid() == 0, landlock=landlock.abi(), why=last)
    return Form(**{**json.loads(done.stdout), "cgroup": cgroup.available()})


def launch(
    argv: Sequence[str],
    *,
    form: Form,
    readable: Sequence[Path],
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str],
    group: Path | None = None,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `argv` (absolute, no search) behind the form's walls; returns once it is exec'd.

    `group` is a control group (see cgroup.py) for it and all it starts.

    The Popen is the shim's: kill it and all inside dies; its returncode is the warm process's
    (128 + n after signal n). Safe to call from any thread; for a system without walls there is
    plain.py. Raises SandboxError when a wall cannot be put up or argv not be run.
    """
    paths = [str(path) for path in readable]
    shown = view([*paths, argv[0]])
    _refuse_closed_folders(form, shown)
    status, telling = os.pipe()
    walls = {"form": form.record(), "binds": shown.binds, "links": shown.links}
    job = {
        **walls, "argv": list(argv), "env": {**env, _WALLS: json.dumps(walls)},
        "fds": list(pass_fds), "status": telling, "parent": os.getpid(),
        "group": str(group) if group else "",
    }  # fmt: skip
    shim = [sys.executable, "-I", "-S", str(_SHIM), "launch", json.dumps(job)]
    with open(status, "rb") as told:
        try:
            process = subprocess.Popen(
                shim, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr,
                env=dict(env), pass_fds=(*pass_fds, telling), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(telling)
        message = told.read().decode(errors="replace")
    if message:
        process.wait()
        raise SandboxError(f"the warm process could not be started in its sandbox: {message}")
    return process


def _refuse_closed_folders(form: Form, shown: View) -> None:
    """Without a mount namespace, a student's own uid must get to the interpreter by itself."""
    if form.uids and not form.mount and (folder := closed_folder(shown.binds)):
        raise SandboxError(
            f"{folder} is closed to other users, so code under its own uid could not read what "
            f"lies in it: `chmod o+x {folder}`, or install Python and the package elsewhere"
        )


def inherited() -> tuple[Form, View] | None:
    """In the warm process: the form it was launched in and what it sees; None if not launched."""
    told = os.environ.get(_WALLS)
    if told is None:
        return None
    walls: dict[str, Any] = json.loads(told)
    links = tuple((str(link), str(target)) for link, target in walls["links"])
    return Form(**walls["form"]), View(tuple(walls["binds"]), links)


def enter(limits: Limits, form: Form, *, slot: int, writable: Path | None = None) -> Path:
    """Put this freshly forked child of the warm process behind its walls, for good.

    Returns the working directory (also HOME): /tmp/work on a tmpfs of its own, or, in a form
    without mounts, `writable`, an empty folder that the caller made and will delete. `slot`,
    from 0 to 477, picks the uid. Raises OSError or SandboxError: then run no student code.
    """
    if not 0 <= slot < SLOTS:
        raise SandboxError(f"slot {slot} is not in 0 to {SLOTS - 1}")
    if writable is None and not form.mount:
        raise SandboxError("this form of the sandbox needs a writable folder from its caller")
    launched = inherited()
    shown = launched[1] if launched else View((), ())
    uid = FIRST_UID + slot if form.uids else None
    work = _working_folder(limits, form, shown, uid, writable)
    _limits.apply(limits, crowd=_crowd(form, uid))
    ruleset = _ruleset(form, shown, work) if form.landlock else None
    os.chdir(work)
    _settle(work)
    privileges.drop(uid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if ruleset is not None:
        landlock.restrict(ruleset)
    if form.filter:  # last: it forbids what the walls above need
        syscalls.install()
    return work


def _working_folder(limits: Limits, form: Form, shown: View, uid: int | None, writable: Path | None) -> Path:
    me = os.geteuid() if uid is None else uid
    if form.mount:
        namespaces.fresh_folders(limits, shown, uid=me, ipc=form.ipc)
        return Path(namespaces.WORK)
    if form.ipc:
        kernel.unshare(kernel.CLONE_NEWIPC)
    assert writable is not None
    if uid is not None:
        os.chown(writable, uid, uid)
    return writable.resolve()


def _crowd(form: Form, uid: int | None) -> int:
    """Processes that count with the student's: none under an own uid, else all of the user's."""
    if uid is not None:
        return 0
    # A user namespace counts for itself: the shim and the warm process are in it.
    return 2 if form.user else _limits.crowd(os.getuid())


def _ruleset(form: Form, shown: View, work: Path) -> int:
    if form.mount:
        readable = ["/"] if form.proc else [path for path in _top() if path != "/proc"]
        writable = ["/tmp", namespaces.SHM]
    else:
        readable = [*shown.binds, *_DEVICES]
        # Shared memory of torch and multiprocessing has no other place.
        writable = [str(work), namespaces.SHM]
    if not form.proc:
        readable += [f"/proc/{name}" for name in landlock.PROC_FILES]
    return landlock.rules(form.landlock, readable, [*writable, "/dev/null"])


def _top() -> list[str]:
    return [f"/{name}" for name in os.listdir("/")]


def _settle(work: Path) -> None:
    """Tell Python where it lives now, and let Ctrl-C's signal mean something again."""
    os.environ.pop(_WALLS, None)
    os.environ["HOME"] = str(work)
    os.environ["TMPDIR"] = tempfile.tempdir = str(work if str(work) != namespaces.WORK else "/tmp")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
