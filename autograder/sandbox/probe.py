"""Try each part of the sandbox in throwaway processes, and print as JSON which ones work.

Run by bootstrap.py. Trying is the only way to know: what a kernel, a container or a security profile forbids
cannot be read from settings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any

from autograder.core.limits import Limits
from autograder.sandbox import kernel, landlock, namespaces, syscalls
from autograder.sandbox.capabilities import FIRST_UID, Capabilities
from autograder.sandbox.view import view


def main() -> None:
    """Print the record of this machine's capabilities."""
    root = os.geteuid() == 0
    base = {"linux": True, "root": root, "landlock": landlock.abi()}
    base["filter"] = syscalls.known_machine() and bool(_in_child(_try_filter).get("filter"))
    print(json.dumps(Capabilities(**{**base, **_best_namespaces(root=root)}).record()))


def _best_namespaces(*, root: bool) -> dict[str, Any]:
    """Try up to three ways; return the first result with a root and pids, else one with any namespace."""
    ways = [(False, True), (True, True)] if root else []
    tries = []
    for user, uids in [*ways, (True, False)]:
        found = _in_child(partial(_try_namespaces, user=user, uids=uids))
        if found.get("mount") and found.get("pid"):
            return found
        tries.append(found)
    partly = next((found for found in tries if found.get("pid") or found.get("net")), None)
    if partly is not None:
        return partly
    return {
        "uids": root and bool(_in_child(_try_other_uid).get("uids")),
        "why": next((str(found["why"]) for found in tries[::-1] if "why" in found), ""),
    }


def _in_child(attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `attempt` returns in a forked process; {"why": ...} if it fails there."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            result = attempt()
        except (OSError, ValueError) as error:
            result = {"why": getattr(error, "strerror", None) or str(error)}
        os.write(writing, json.dumps(result).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return dict(json.loads(text or b'{"why": "the attempt was killed"}'))


def _try_namespaces(*, user: bool, uids: bool) -> dict[str, Any]:
    """Enter namespaces as launch() would; where there are many uids, switch to one of them too."""
    if user:
        namespaces.enter_user(uids=uids)
    found: dict[str, Any] = {"user": user, "uids": uids}
    if uids:
        other = _in_child(_try_other_uid)
        if not other.get("uids"):
            return other
    flags = {"pid": kernel.CLONE_NEWPID, "net": kernel.CLONE_NEWNET, "ipc": kernel.CLONE_NEWIPC}
    for name, flag in flags.items():
        try:
            kernel.unshare(flag)
            found[name] = True
        except OSError as error:
            found.setdefault("why", error.strerror)
    found |= _in_child(lambda: _try_root(own_proc=True))
    if not found.get("mount"):
        found |= _in_child(lambda: _try_root(own_proc=False))
    if found.get("mount") and all(found.get(name) for name in flags):
        found.pop("why", None)
    return found


def _try_root(*, own_proc: bool) -> dict[str, Any]:
    shown = view(["/usr"])
    kernel.unshare(kernel.CLONE_NEWNS)
    namespaces.build_root(shown, own_proc=own_proc)
    namespaces.fresh_folders(Limits(), shown, uid=os.geteuid(), ipc=False)
    return {"mount": True, "proc": own_proc}


def _try_filter() -> dict[str, Any]:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.install()
    return {"filter": True}


def _try_other_uid() -> dict[str, Any]:
    os.setgroups([])
    os.setresgid(FIRST_UID, FIRST_UID, FIRST_UID)
    os.setresuid(FIRST_UID, FIRST_UID, FIRST_UID)
    return {"uids": True}
