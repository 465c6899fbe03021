"""Run a command as on a machine whose kernel has neither namespaces nor Landlock.

    python -m tests.engine.hostile.poor_machine COMMAND...

A filter for system calls refuses both, for the command and all it starts. A root has to be one that can take no
other uid, or the interpreter would have to be where everybody can reach it.
"""

from __future__ import annotations

import os
import shutil
import sys

from autograder.sandbox import kernel, syscalls

WITHOUT = ["setpriv", "--bounding-set=-setuid,-setgid"]


def command(*words: str) -> list[str] | None:
    """The whole command line; None where this user cannot do it."""
    line = [sys.executable, "-m", "tests.engine.hostile.poor_machine", *words]
    if os.geteuid():
        return line
    return [*WITHOUT, *line] if shutil.which("setpriv") else None


def main() -> None:
    syscalls._FORBIDDEN = {name: syscalls._FORBIDDEN[name] for name in ("unshare", "setns", "mount")}
    syscalls._ABSENT = {"landlock_create_ruleset": (444, 444), "clone3": (435, 435)}
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.install()
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
