"""Run a command as on a machine whose kernel has neither namespaces nor Landlock.

    python -m tests.engine.hostile.poor_machine COMMAND...

A system call filter refuses both, to the command and to everything that it starts. Root loses the capabilities to
change its uid; otherwise students' processes would run as other users, who may not be able to reach the interpreter.
"""

from __future__ import annotations

import os
import shutil
import sys

from autograder.sandbox import kernel, syscalls

WITHOUT_OTHER_UIDS = ["setpriv", "--bounding-set=-setuid,-setgid"]


def command(*words: str) -> list[str] | None:
    """The whole command line, or None if this user cannot run it."""
    line = [sys.executable, "-m", "tests.engine.hostile.poor_machine", *words]
    if os.geteuid():
        return line
    return [*WITHOUT_OTHER_UIDS, *line] if shutil.which("setpriv") else None


def main() -> None:
    syscalls.FORBIDDEN = {name: syscalls.FORBIDDEN[name] for name in ("unshare", "setns", "mount")}
    syscalls.ABSENT = {"landlock_create_ruleset": (444, 444), "clone3": (435, 435)}
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    syscalls.install()
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
