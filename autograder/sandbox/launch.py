"""The walls around a student's process.

The grader calls `probe` once and `launch` for each warm process; the warm process forks a child
for a submission, which calls `enter` before any student code, and calls `sweep` after it. What
holds on a machine is its `Capabilities`; every form works, with fewer walls.

"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from autograder.sandbox import cgroup, landlock
from autograder.sandbox.capabilities import Capabilities, SandboxError
from autograder.sandbox.enter import WALLS_VARIABLE
from autograder.sandbox.view import View, closed_folder, view

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_PROBE_S = 20.0


def probe() -> Capabilities:
    """Which walls stand here, tried in a throwaway process (about 50 ms)."""
    if sys.platform != "linux":
        return Capabilities()
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(_BOOTSTRAP), "probe"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PROBE_S,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip() or "no message").splitlines()[-1]
        return Capabilities(linux=True, root=os.geteuid() == 0, landlock=landlock.abi(), why=last)
    return Capabilities(**{**json.loads(done.stdout), "cgroup": cgroup.available()})


def launch(
    argv: Sequence[str],
    *,
    capabilities: Capabilities,
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
    _refuse_closed_folders(capabilities, shown)
    status, telling = os.pipe()
    walls = {"capabilities": capabilities.record(), "binds": shown.binds, "links": shown.links}
    job = {
        **walls, "argv": list(argv), "env": {**env, WALLS_VARIABLE: json.dumps(walls)},
        "fds": list(pass_fds), "status": telling, "parent": os.getpid(),
        "group": str(group) if group else "",
    }  # fmt: skip
    shim = [sys.executable, "-I", "-S", str(_BOOTSTRAP), "launch", json.dumps(job)]
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


def _refuse_closed_folders(capabilities: Capabilities, shown: View) -> None:
    """Without a mount namespace, a student's own uid must get to the interpreter by itself."""
    if capabilities.uids and not capabilities.mount and (folder := closed_folder(shown.binds)):
        raise SandboxError(
            f"{folder} is closed to other users, so code under its own uid could not read what "
            f"lies in it: `chmod o+x {folder}`, or install Python and the package elsewhere"
        )
