"""Try every wall in throwaway processes and say on stdout, as JSON, which ones stand.

Runs in the shim: what a kernel, a container or a profile forbids cannot be told from settings.
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
    """Print the form's record."""
    root = os.geteuid() == 0
    base = {"linux": True, "root": root, "landlock": landlock.abi()}
    base["filter"] = syscalls.known_machine() and bool(_ask(_filtered).get("filter"))
    print(json.dumps(Capabilities(**{**base, **_best(root=root)}).record()))


def _best(*, root: bool) -> dict[str, Any]:
    """The first way with a root of its own; else the first with any namespace; else none."""
    ways = [(False, True), (True, True)] if root else []
    tries = []
    for user, uids in [*ways, (True, False)]:
        found = _ask(partial(_spaces, user=user, uids=uids))
        if found.get("mount") and found.get("pid"):
            return found
        tries.append(found)
    some = next((one for one in tries if one.get("pid") or one.get("net")), None)
    if some is not None:
        return some
    return {
        "uids": root and bool(_ask(_other_uid).get("uids")),
        "why": next((str(one["why"]) for one in tries[::-1] if "why" in one), ""),
    }


def _ask(question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer of a forked process; {"why": ...} when it could not give one."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer = question()
        except (OSError, ValueError) as error:
            answer = {"why": getattr(error, "strerror", None) or str(error)}
        os.write(writing, json.dumps(answer).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return dict(json.loads(text or b'{"why": "the attempt was killed"}'))


def _spaces(*, user: bool, uids: bool) -> dict[str, Any]:
    """Enter as launch() would; in a user namespace with many uids, become one of them too."""
    if user:
        namespaces.enter_user(uids=uids)
    found: dict[str, Any] = {"user": user, "uids": uids}
    if uids:
        other = _ask(_other_uid)
        if not other.get("uids"):
            return other
    flags = {"pid": kernel.CLONE_NEWPID, "net": kernel.CLONE_NEWNET, "ipc": kernel.CLONE_NEWIPC}
    for name, flag in flags.items():
        try:
            kernel.unshare(flag)
            found[name] = True
        except OSError as error:
            found.setdefault("why", error.strerror)
    found |= _ask(lambda: _root(own_proc=True))
    if not found.get("mount"):
        found |= _ask(lambda: _root(own_proc=False))
    if found.get("mount") and all(found.get(name) for name in flags):
        found.pop("why", None)
    return found


def _root(*, own_proc: bool) -> dict[str, Any]:
    shown = view(["/usr"])
    kernel.unshare(kernel.CLONE_NEWNS)
    namespaces.build_root(shown, own_proc=own_proc)
    namespaces.fresh_folders(Limits(), shown, uid=os.geteuid(), ipc=False)
    return {"mount": True, "proc": own_proc}


def _filtered() -> dict[str, Any]:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.install()
    return {"filter": True}


def _other_uid() -> dict[str, Any]:
    os.setgroups([])
    os.setresgid(FIRST_UID, FIRST_UID, FIRST_UID)
    os.setresuid(FIRST_UID, FIRST_UID, FIRST_UID)
    return {"uids": True}
