"""The hostile suite in every form of the sandbox, and as every kind of user, that this machine has.

    python -m tests.engine.hostile.everywhere [what pytest is to be told]

As whoever starts it, without namespaces (`make test` has run it with them); started by root, also as an
ordinary user, with namespaces and without. Where the interpreter or the project lies in a folder that is
closed to other users (/root, mostly), that folder is replaced, in a mount namespace of its own, by one that
others may enter and that shows what is needed; where even that is forbidden, nothing is run and that is said.
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
SUITE = "tests/engine/hostile/test_hostile.py"


def needed() -> list[str]:
    """The folders without which nobody can run the suite."""
    places = (sys.prefix, sys.base_prefix, str(ROOT))
    return [os.path.realpath(place) for place in dict.fromkeys(places)]


def can_mount() -> bool:
    """Whether this user may have a mount namespace."""
    line = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(line, check=False).returncode == 0


def open_folders() -> None:
    """Begin again in a mount namespace where a folder on the way is open to others, until all are."""
    closed = closed_folder([f"{place}/x" for place in needed()])
    if closed is None:
        return
    opened = os.environ.get(OPENED, "").split(":")
    if closed in opened or not can_mount():
        print(f"-- left out: {closed} is closed to other users, and cannot be opened here for this alone")
        sys.exit(0)
    shown = [place for place in needed() if place.startswith(f"{closed}/")]
    aside = Path(tempfile.mkdtemp())
    lines = ["set -e"]
    for number, place in enumerate(shown):
        (aside / str(number)).mkdir()
        lines += [f"mount --rbind '{place}' {aside}/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none '{closed}'"]
    for number, place in enumerate(shown):
        lines += [f"mkdir -p '{place}'", f"mount --rbind {aside}/{number} '{place}'"]
    lines += ['exec "$@"']
    again = [sys.executable, "-m", "tests.engine.hostile.everywhere", *sys.argv[1:]]
    line = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines), "sh", *again]
    done = subprocess.run(
        line, env={**os.environ, OPENED: ":".join([*opened, closed])}, cwd=ROOT, check=False
    )
    for number in range(len(shown)):
        (aside / str(number)).rmdir()  # only ever a mount point; taking away all below would be too much
    aside.rmdir()
    sys.exit(done.returncode)


def suite(user: int | None, namespaces: bool, words: list[str]) -> int:
    """Run it; pytest's exit code."""
    # Not in /tmp: a sandbox has one of its own, and the way to the course's data would be made in it.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        others = {"user": user, "group": user, "extra_groups": []} if user is not None else {}
        if user is not None:
            os.chown(folder, user, user)
        environment = {**os.environ, "HOME": folder, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        if not namespaces:
            environment["HOSTILE_WITHOUT_NAMESPACES"] = "1"
        line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *words, SUITE]
        return subprocess.run(line, env=environment, cwd=ROOT, check=False, **others).returncode


def main() -> None:
    rounds: list[tuple[str, int | None, bool]] = [("you", None, False)]
    if os.geteuid() == 0:
        open_folders()
        rounds = [
            ("root", None, False),
            ("an ordinary user", NOBODY, True),
            ("an ordinary user", NOBODY, False),
        ]
    worst = 0
    for name, user, namespaces in rounds:
        print(f"-- as {name}, with{'' if namespaces else 'out'} namespaces", flush=True)
        begun = time.monotonic()
        code = suite(user, namespaces, sys.argv[1:])
        print(f"-- exit code {code} after {time.monotonic() - begun:.0f} s", flush=True)
        worst = max(worst, code)
    sys.exit(worst)


if __name__ == "__main__":
    main()
