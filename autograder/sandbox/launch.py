"""The grader's side of the sandbox: find out what this machine can enforce, and start a fork server in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from autograder.sandbox import cgroup, landlock
from autograder.sandbox.capabilities import Capabilities, SandboxError
from autograder.sandbox.enter import SANDBOX_VARIABLE
from autograder.sandbox.view import View, closed_folder, view

_BOOTSTRAP = [sys.executable, "-I", "-S", str(Path(__file__).with_name("bootstrap.py"))]
_PROBE_S = 20.0


def probe() -> Capabilities:
    """What can be enforced here, tried in a throwaway process (about 50 ms)."""
    if sys.platform != "linux":
        return Capabilities()
    weakest = Capabilities(linux=True, root=os.geteuid() == 0, landlock=landlock.abi())
    try:
        done = subprocess.run(
            [*_BOOTSTRAP, "probe"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return replace(weakest, why=f"the probe was still running after {_PROBE_S:g} s")
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip() or "no message").splitlines()[-1]
        return replace(weakest, why=last)
    return Capabilities(**{**json.loads(done.stdout), "cgroup": cgroup.available()})


def launch(
    argv: Sequence[str],
    *,
    capabilities: Capabilities,
    readable: Sequence[Path],
    pass_fds: Sequence[int] = (),
    env: Mapping[str, str],
    group: Path | None = None,
    gpu: bool = False,
    stdout: int | IO[bytes] | None = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start `argv` (absolute path, no search) in the sandbox; return once it has been exec'd.

    `group` is a control group (see cgroup.py) for it and everything it starts. The Popen is the
    supervisor's: killing it kills everything inside, and its return code is that of `argv` (128 + n
    after signal n). Safe to call from any thread. Linux only; elsewhere see unsandboxed.py.
    Raises SandboxError if the sandbox cannot be set up or `argv` cannot be run.
    """
    shown = view([*(str(path) for path in readable), argv[0]])
    _refuse_closed_folders(capabilities, shown)
    status, report = os.pipe()
    request = _request(argv, capabilities, shown, env) | {
        "fds": list(pass_fds), "status": report, "group": str(group) if group else "",
    }  # fmt: skip
    with open(status, "rb") as failure:
        try:
            process = subprocess.Popen(
                [*_BOOTSTRAP, "launch", json.dumps(request)], stdin=subprocess.DEVNULL, stdout=stdout,
                stderr=stderr, env=dict(env), pass_fds=(*pass_fds, report), start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(report)
        message = failure.read().decode(errors="replace")
    if message:
        process.wait()
        raise SandboxError(f"the fork server could not be started in the sandbox: {message}")
    return process


def _request(
    argv: Sequence[str], capabilities: Capabilities, shown: View, env: Mapping[str, str]
) -> dict[str, Any]:
    """What the supervisor has to start, and how: most fields of its LaunchRequest."""
    setup = {"capabilities": capabilities.record(), "binds": shown.binds, "links": shown.links}
    inner_env = {**env, SANDBOX_VARIABLE: json.dumps(setup)}
    return setup | {"argv": list(argv), "env": inner_env, "parent": os.getpid()}


def _refuse_closed_folders(capabilities: Capabilities, shown: View) -> None:
    """Without a mount namespace, the student's own uid must be able to reach the interpreter."""
    if capabilities.uids and not capabilities.mount and (folder := closed_folder(shown.binds)):
        raise SandboxError(
            f"{folder} is closed to other users, so student code, which has its own uid, could not read "
            f"what is in it: `chmod o+x {folder}`, or install Python and the package elsewhere"
        )
