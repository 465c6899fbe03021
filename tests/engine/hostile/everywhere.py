"""Run the hostile tests in every kind of sandbox, and as other users.

    python -m tests.engine.hostile.everywhere [options for pytest]

They run with namespaces and without; started by root, also as an ordinary user, with and without. One run at a
time, and nothing beside it: the attacks use up all the processor time that they get. If the interpreter or the
project is in a folder that is closed to other users, such as /root, that folder is replaced, in a separate
mount namespace, by an open one that shows only what is needed. Where that is not allowed, a message says so, and
only the first kind is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.sandbox.view import closed_folder

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534
OPENED = "HOSTILE_FOLDERS_OPENED"
"""An environment variable: the folders that have been replaced so far, separated by colons."""
TESTS = "tests/engine/hostile"


def needed() -> list[str]:
    """The folders that the tests need."""
    folders = (sys.prefix, sys.base_prefix, str(ROOT))
    return [os.path.realpath(folder) for folder in dict.fromkeys(folders)]


def can_mount() -> bool:
    """Whether this user may create a mount namespace."""
    line = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(line, check=False).returncode == 0


def open_folders() -> None:
    """Open the first closed folder in a new mount namespace and start again there, until none is closed."""
    closed = closed_folder([f"{folder}/x" for folder in needed()])
    if closed is None:
        return
    opened = os.environ.get(OPENED, "").split(":")
    if closed in opened or not can_mount():
        print(f"-- skipped: {closed} is closed to other users and cannot be opened for this run alone")
        sys.exit(0)
    shown = [folder for folder in needed() if folder.startswith(f"{closed}/")]
    aside = Path(tempfile.mkdtemp())
    lines = ["set -e"]
    for number, folder in enumerate(shown):
        (aside / str(number)).mkdir()
        lines += [f"mount --rbind '{folder}' {aside}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none '{closed}'"]
    for number, folder in enumerate(shown):
        lines += [f"mkdir -p '{folder}'", f"mount --rbind {aside}/{number} '{folder}'"]
    lines += ['exec "$@"']
    again = [sys.executable, "-m", "tests.engine.hostile.everywhere", *sys.argv[1:]]
    line = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh", *again]
    done = subprocess.run(
        line, env={**os.environ, OPENED: ":".join([*opened, closed])}, cwd=ROOT, check=False
    )
    for number in range(len(shown)):
        # Not shutil.rmtree: should a mount still be there, it would delete what is mounted.
        (aside / str(number)).rmdir()
    aside.rmdir()
    sys.exit(done.returncode)


def run_tests(user: int | None, namespaces: bool, options: list[str]) -> int:
    """Run the tests and return pytest's exit code."""
    # Not in /tmp: a sandbox has its own, where the path to the course's data files would have to be created.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        identity = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        if user is not None:
            os.chown(folder, user, user)
        environment = {**os.environ, "HOME": folder, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        if not namespaces:
            environment["HOSTILE_WITHOUT_NAMESPACES"] = "1"
        line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *options, TESTS]
        return subprocess.run(line, env=environment, cwd=ROOT, check=False, **identity).returncode


def run_all(runs: list[tuple[str, int | None, bool]]) -> None:
    """Run the tests as each user, with or without namespaces. Exits if any of them failed."""
    worst = 0
    for name, user, namespaces in runs:
        print(f"-- as {name}, with{'' if namespaces else 'out'} namespaces", flush=True)
        start = time.monotonic()
        code = run_tests(user, namespaces, sys.argv[1:])
        print(f"-- exit code {code} after {time.monotonic() - start:.0f} s", flush=True)
        worst = max(worst, code)
    if worst:
        sys.exit(worst)


def main() -> None:
    root = os.geteuid() == 0
    me = "root" if root else "you"
    if OPENED not in os.environ:
        run_all([(me, None, True)])
    if root:
        open_folders()
    others = [("an ordinary user", NOBODY, True), ("an ordinary user", NOBODY, False)] if root else []
    run_all([(me, None, False), *others])


if __name__ == "__main__":
    main()
