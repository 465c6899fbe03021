"""The sandbox, attacked for real: started by root and by an ordinary user, with namespaces and without.

Every attack is tried once in each kind of sandbox, by a process outside pytest that has limits of its own;
the tests check what came of it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox import syscalls
from autograder.sandbox.kill_tree import descendants
from autograder.sandbox.view import closed_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

ATTACKS = Path(__file__).with_name("sandbox_attacks")
PACKAGE = Path(__file__).parents[3] / "autograder"
NOBODY = 65534
AS_ROOT = [
    ("root", "namespaces"),
    ("root", "no-landlock"),
    ("root", "no-filter"),
    ("root", "fallback"),
    ("root", "fallback, no-filter"),
    ("root without mounts", "namespaces"),
    ("nobody", "namespaces"),
    ("nobody", "outer-proc"),
    ("nobody", "fallback"),
    ("nobody", "fallback, no-filter"),
]
KINDS = ("namespaces", "outer-proc", "no-landlock", "no-filter", "fallback", "fallback, no-filter")
AS_ME = [("me", kind) for kind in KINDS]
SANDBOXES = AS_ROOT if os.geteuid() == 0 else AS_ME


@cache
def python() -> str:
    """An interpreter that every user can read, unlike one under /root."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        if Path(candidate).exists() and closed_folder([candidate]) is None:
            line = [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
            done = subprocess.run(line, check=False)
            if done.returncode == 0:
                return candidate
    pytest.skip("no Python 3.11 that every user can read")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder open to every user: a copy of the package, the attacks and a secret."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        no_caches = shutil.ignore_patterns("__pycache__")
        for part in ("core", "sandbox"):
            shutil.copytree(PACKAGE / part, folder / "autograder" / part, ignore=no_caches)
        (folder / "autograder/__init__.py").touch()
        shutil.copytree(ATTACKS, folder / ATTACKS.name, ignore=no_caches)
        (folder / "secret.txt").write_text("the reference solution")
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


def command(starter: str, folder: Path, *words: str) -> tuple[list[str], dict[str, Any]]:
    """The command line and the keyword arguments for subprocess that run the attacks as `starter`."""
    line = [python(), "-I", str(folder / ATTACKS.name), *words]
    if starter == "nobody":
        return line, {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    if starter == "root without mounts":
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv")
        # Keeps CAP_SETUID, so a user namespace may hold many uids, as in a container.
        return ["setpriv", "--bounding-set=-sys_admin", *line], {}
    return line, {}


@pytest.fixture(scope="module", params=SANDBOXES, ids=", ".join)
def outcome(request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """{attack: what came of it} in one kind of sandbox."""
    return attacked(*request.param, folder)


def attacked(starter: str, kind: str, folder: Path, *words: str) -> dict[str, Any]:
    """Run the attacks in this kind of sandbox; see `outcome`."""
    import fcntl  # not on Windows, where these tests are skipped

    line, options = command(starter, folder, "start", kind, str(folder), *words)
    # Attacks use up all processes of their user, which is the same one in every run: one run at a time, also
    # of those of other test files in other processes.
    with open(Path(tempfile.gettempdir()) / f"sandbox-tests-{os.geteuid()}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(line, capture_output=True, text=True, timeout=90, check=False, **options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    if not kind.startswith("fallback") and not found["capabilities"]["mount"]:
        pytest.skip(found["sentence"])
    if kind.startswith("fallback") and found["capabilities"]["landlock"] < 6:
        pytest.skip("without namespaces, the sandbox relies on Landlock")
    return found


def result(outcome: dict[str, Any], attack: str) -> Any:
    assert "error" not in outcome[attack], outcome[attack]["error"]
    return outcome[attack]["result"]


def test_ordinary_work_is_possible(outcome: dict[str, Any]) -> None:
    expected = {"pool": [1, 2, 3], "echo": "hello\n", "sqlite": 1, "cwd": True, "random": 8}
    expected |= {"cpus": True, "sandbox variable": False, "interrupted": True}
    assert result(outcome, "ordinary_work") == expected


def test_files_outside_cannot_be_read(outcome: dict[str, Any]) -> None:
    found = result(outcome, "read_outside")
    assert set(found.pop("siblings")) <= {"autograder", "sandbox_attacks"}
    assert set(found.values()) <= {"ENOENT", "EACCES"}


def test_root_shows_only_what_is_readable(outcome: dict[str, Any]) -> None:
    shown = result(outcome, "list_root")
    assert shown == "EACCES" or not {"root", "home", "var", "work", "boot"} & set(shown)


def test_other_processes_are_invisible(outcome: dict[str, Any]) -> None:
    seen, own = result(outcome, "see_processes")
    assert seen == 13 or seen == [own]  # EACCES


def test_other_processes_cannot_be_killed(outcome: dict[str, Any]) -> None:
    found = result(outcome, "kill_others")
    everyone = found.pop("everyone")
    # A pid 1 of the same uid may be sent a signal that it ignores; what counts is that nothing changes.
    if found["fork server"] == "done":
        del found["fork server"]
    assert set(found.values()) <= {"ESRCH", "EPERM"}
    assert everyone in {"ESRCH", "EPERM", "done"}
    assert outcome["victim lives"]
    assert "error" not in outcome["connect"], "the fork server did not survive"


def test_limits_and_priorities_of_others_cannot_be_changed(outcome: dict[str, Any]) -> None:
    found = result(outcome, "change_others")
    if not outcome["capabilities"]["filter"]:
        pytest.skip("this kind of sandbox has no filter")
    own = {name for name in found if name.startswith("own ")}
    assert {name: found[name] for name in own} == dict.fromkeys(own, "done")
    assert {found[name] for name in found.keys() - own} == {"EPERM"}


def test_network_cannot_be_reached(outcome: dict[str, Any]) -> None:
    found = result(outcome, "connect")
    if outcome["capabilities"]["filter"]:
        assert {found["tcp"], found["udp"], found["listen"]} == {"EAFNOSUPPORT"}
    assert found["tcp"] in {"EACCES", "ENETUNREACH", "EAFNOSUPPORT"}
    assert found["udp"] in {"ENETUNREACH", "EAFNOSUPPORT"} or not outcome["capabilities"]["net"]
    assert found["abstract"] in {"EPERM", "ECONNREFUSED"}


def test_calls_that_no_notebook_needs_are_refused(outcome: dict[str, Any]) -> None:
    found = result(outcome, "filtered_calls")
    if not outcome["capabilities"]["filter"]:
        pytest.skip("this kind of sandbox has no filter")
    assert set(found["calls"]) == {"EPERM", "ENOSYS"}
    assert set(found["calls"]["ENOSYS"]) == set(syscalls.ABSENT)
    assert len(found["calls"]["EPERM"]) >= 45
    assert found["clone"] == "EPERM"
    assert set(found["families"].values()) == {"EAFNOSUPPORT"}


def test_nothing_outside_can_be_written(outcome: dict[str, Any]) -> None:
    found = result(outcome, "write_outside")
    assert found.pop("null") == "done"
    if outcome["capabilities"]["mount"]:  # folders leading to what is shown are in the child's own /tmp
        found = {name: error for name, error in found.items() if not name.startswith("/tmp/")} | {
            name: error for name, error in found.items() if "/autograder/" in name
        }
    assert set(found.values()) <= {"EROFS", "EACCES", "ENOENT"}


def test_writable_folder_has_a_maximum_size(outcome: dict[str, Any]) -> None:
    assert result(outcome, "big_file") == "EFBIG"
    if outcome["capabilities"]["mount"]:
        reason, written = result(outcome, "fill_bytes")
        assert (reason, written <= 8 << 20) == ("ENOSPC", True)
        reason, made = result(outcome, "fill_inodes")
        assert (reason, made <= 150) == ("ENOSPC", True)


def test_processes_are_limited_and_killed(outcome: dict[str, Any]) -> None:
    reason, made = result(outcome, "fork_many")
    assert reason == "EAGAIN"
    assert 10 < made <= 32
    assert outcome["fork_many"]["left"] == []


def test_memory_is_limited(outcome: dict[str, Any]) -> None:
    private, shared = result(outcome, "take_memory")
    assert 100 < private <= 256
    assert 100 < shared <= 256


def test_privileges_cannot_be_regained(outcome: dict[str, Any]) -> None:
    found, status, bounding = result(outcome, "regain")
    assert set(found.values()) <= {"EPERM", "EINVAL", "ENOENT", "EACCES"}
    assert bounding == 0
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind][0], 16) == 0
    assert status["NoNewPrivs"] == ["1"]
    assert "0" not in status["Uid"]


def test_a_new_user_namespace_opens_nothing(outcome: dict[str, Any]) -> None:
    found = result(outcome, "as_new_root")
    if outcome["capabilities"]["mount"]:
        assert found["user"] == "EPERM"
    assert found["mount"] == "EPERM"
    assert found["secret"] in {"EACCES", "ENOENT"}
    assert found["tcp"] in {"EACCES", "ENETUNREACH", "EAFNOSUPPORT"}


def test_daemons_are_killed_with_the_tree(outcome: dict[str, Any]) -> None:
    assert result(outcome, "leave_daemon") > 1
    assert outcome["leave_daemon"]["left"] == []
    assert outcome["leave_daemon"]["reaped"] >= 2


def test_files_do_not_outlive_a_submission(outcome: dict[str, Any]) -> None:
    assert result(outcome, "leave_files") == []


def test_all_die_with_the_supervisor(outcome: dict[str, Any]) -> None:
    death = outcome["death"]
    assert death["below"] >= 3
    assert (death["alive"], death["eof"]) == (0, True)


def test_entering_is_quick(outcome: dict[str, Any]) -> None:
    """A few milliseconds on a quiet machine; the bound leaves room for a busy one."""
    times = [
        found["enter_ms"] for found in outcome.values() if isinstance(found, dict) and "enter_ms" in found
    ]
    assert min(times) < 50


@pytest.mark.parametrize("kind", ["namespaces", "fallback"])
def test_all_die_with_the_grader(kind: str, folder: Path) -> None:
    line, options = command(SANDBOXES[-1][0], folder, "hold", kind)
    with subprocess.Popen(line, stdout=subprocess.PIPE, **options) as grader:
        assert grader.stdout is not None
        below = json.loads(grader.stdout.readline())
        assert below
        assert set(below) <= set(descendants())
        grader.send_signal(signal.SIGKILL)
        grader.wait()
        until = time.monotonic() + 5
        while any(Path(f"/proc/{pid}").exists() for pid in below) and time.monotonic() < until:
            time.sleep(0.02)
        assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []
