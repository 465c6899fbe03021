"""The walls, attacked for real: by root and by an ordinary user, with namespaces and without.

Every attack is tried once for each kind of sandbox, in one outside process with limits of its
own; the tests read what came of it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.core.limits import Limits
from autograder.sandbox import syscalls
from autograder.sandbox.capabilities import Capabilities, SandboxError
from autograder.sandbox.enter import enter
from autograder.sandbox.kill_tree import descendants
from autograder.sandbox.launch import launch, probe
from autograder.sandbox.view import closed_folder, system_paths, view

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the walls are Linux's")

HERE = Path(__file__).parent
PACKAGE = HERE.parents[2] / "autograder"
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
    """An interpreter that everybody can reach: one under /root cannot be read by others."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        if Path(candidate).exists() and closed_folder([candidate]) is None:
            line = [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
            done = subprocess.run(line, check=False)
            if done.returncode == 0:
                return candidate
    pytest.skip("no Python 3.11 that an ordinary user can reach")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder open to everybody, with a copy of the package and a secret beside it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        for room in ("core", "sandbox"):
            shutil.copytree(PACKAGE / room, folder / "autograder" / room, ignore=lambda *_: ["__pycache__"])
        (folder / "autograder/__init__.py").touch()
        shutil.copy(HERE / "sandbox_attacks.py", folder)
        (folder / "secret.txt").write_text("the reference solution")
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield folder


def command(starter: str, *words: str) -> tuple[list[str], dict[str, Any]]:
    """The command line and keyword arguments that run the attacks' file as `starter`."""
    line = [python(), *words]
    if starter == "nobody":
        return line, {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    if starter == "root without mounts":
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv")
        # Keeps CAP_SETUID, so a user namespace may hold many uids, as in a container.
        return ["setpriv", "--bounding-set=-sys_admin", *line], {}
    return line, {}


@pytest.fixture(scope="module", params=SANDBOXES, ids=", ".join)
def outcome(request: pytest.FixtureRequest, place: Path) -> dict[str, Any]:
    """{attack: what came of it} in one kind of sandbox."""
    starter, kind = request.param
    line, options = command(starter, str(place / "sandbox_attacks.py"), "start", kind, str(place))
    done = subprocess.run(line, capture_output=True, text=True, timeout=90, check=False, **options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    if not kind.startswith("fallback") and not found["capabilities"]["mount"]:
        pytest.skip(found["sentence"])
    if kind.startswith("fallback") and found["capabilities"]["landlock"] < 6:
        pytest.skip("without namespaces, the walls are Landlock's")
    return found


def result(outcome: dict[str, Any], attack: str) -> Any:
    assert "error" not in outcome[attack], outcome[attack]["error"]
    return outcome[attack]["result"]


def test_ordinary_work_goes_on(outcome: dict[str, Any]) -> None:
    expected = {"pool": [1, 2, 3], "echo": "hello\n", "sqlite": 1, "cwd": True, "random": 8}
    expected |= {"cpus": True, "walls": False, "interrupted": True}
    assert result(outcome, "ordinary_work") == expected


def test_files_outside_cannot_be_read(outcome: dict[str, Any]) -> None:
    found = result(outcome, "read_outside")
    assert set(found.pop("siblings")) <= {"autograder", "sandbox_attacks.py"}
    assert set(found.values()) <= {"ENOENT", "EACCES"}


def test_root_shows_only_what_was_asked_for(outcome: dict[str, Any]) -> None:
    shown = result(outcome, "list_root")
    assert shown == "EACCES" or not {"root", "home", "var", "work", "boot"} & set(shown)


def test_other_processes_are_not_seen(outcome: dict[str, Any]) -> None:
    seen, own = result(outcome, "see_processes")
    assert seen == 13 or seen == [own]  # EACCES


def test_other_processes_cannot_be_killed(outcome: dict[str, Any]) -> None:
    found = result(outcome, "kill_others")
    everyone = found.pop("everyone")
    # A same-uid signal that pid 1 ignores may be sent; that it changes nothing is what counts.
    if found["warm"] == "done":
        del found["warm"]
    assert set(found.values()) <= {"ESRCH", "EPERM"}
    assert everyone in {"ESRCH", "EPERM", "done"}
    assert outcome["victim lives"]
    assert "error" not in outcome["connect"], "the warm process did not survive"


def test_limits_and_priorities_of_others_stay(outcome: dict[str, Any]) -> None:
    found = result(outcome, "change_others")
    if not outcome["capabilities"]["filter"]:
        pytest.skip("this kind of sandbox has no filter")
    own = {name for name in found if name.startswith("own ")}
    assert {name: found[name] for name in own} == dict.fromkeys(own, "done")
    assert {found[name] for name in found.keys() - own} == {"EPERM"}


def test_no_way_to_the_network_outside(outcome: dict[str, Any]) -> None:
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
    assert set(found["calls"]["ENOSYS"]) == set(syscalls._ABSENT)
    assert len(found["calls"]["EPERM"]) >= 45
    assert found["clone"] == "EPERM"
    assert set(found["families"].values()) == {"EAFNOSUPPORT"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_that_ends(machine: str) -> None:
    """Every jump lands inside, and the last instruction returns."""
    code = syscalls.program(machine)
    instructions = list(struct.iter_unpack("HBBI", code))
    for place, (kind, if_so, if_not, _) in enumerate(instructions):
        if kind & 0x07 == 0x05:
            assert place + 1 + max(if_so, if_not) < len(instructions)
    assert instructions[-1][0] == 0x06


def test_nothing_outside_can_be_written(outcome: dict[str, Any]) -> None:
    found = result(outcome, "write_outside")
    assert found.pop("null") == "done"
    if outcome["capabilities"]["mount"]:  # a folder on the way to what is shown, in the child's own /tmp
        found = {name: said for name, said in found.items() if not name.startswith("/tmp/")} | {
            name: said for name, said in found.items() if "/autograder/" in name
        }
    assert set(found.values()) <= {"EROFS", "EACCES", "ENOENT"}


def test_writable_folder_has_a_size(outcome: dict[str, Any]) -> None:
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


def test_privileges_do_not_come_back(outcome: dict[str, Any]) -> None:
    found, status, bounding = result(outcome, "regain")
    assert set(found.values()) <= {"EPERM", "EINVAL", "ENOENT", "EACCES"}
    assert bounding == 0
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[kind][0], 16) == 0
    assert status["NoNewPrivs"] == ["1"]
    assert "0" not in status["Uid"]


def test_user_namespace_of_ones_own_opens_nothing(outcome: dict[str, Any]) -> None:
    found = result(outcome, "as_new_root")
    if outcome["capabilities"]["mount"]:
        assert found["user"] == "EPERM"
    assert found["mount"] == "EPERM"
    assert found["secret"] in {"EACCES", "ENOENT"}
    assert found["tcp"] in {"EACCES", "ENETUNREACH", "EAFNOSUPPORT"}


def test_daemons_do_not_outlive_the_sweep(outcome: dict[str, Any]) -> None:
    assert result(outcome, "leave_daemon") > 1
    assert outcome["leave_daemon"]["left"] == []
    assert outcome["leave_daemon"]["reaped"] >= 2


def test_files_do_not_outlive_a_submission(outcome: dict[str, Any]) -> None:
    assert result(outcome, "leave_files") == []


def test_all_die_with_the_shim(outcome: dict[str, Any]) -> None:
    death = outcome["death"]
    assert death["below"] >= 3
    assert (death["alive"], death["eof"]) == (0, True)


def test_entering_is_quick(outcome: dict[str, Any]) -> None:
    """A few milliseconds on a quiet machine; the bound leaves room for a busy one."""
    times = [one["enter_ms"] for one in outcome.values() if isinstance(one, dict) and "enter_ms" in one]
    assert min(times) < 50


@pytest.mark.parametrize("kind", ["namespaces", "fallback"])
def test_all_die_with_the_grader(kind: str, place: Path) -> None:
    line, options = command(SANDBOXES[-1][0], str(place / "sandbox_attacks.py"), "hold", kind)
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


def test_probe_says_what_holds() -> None:
    capabilities = probe()
    assert capabilities.linux
    assert capabilities.sentence.startswith("sandbox: ")
    assert Capabilities(**json.loads(json.dumps(capabilities.record()))) == capabilities


def test_sentence_names_what_is_weaker() -> None:
    full = Capabilities(
        linux=True, root=True, uids=True, mount=True, pid=True, net=True, ipc=True, proc=True,
        landlock=7,
    )  # fmt: skip
    holds = "own pid, mount, network and ipc namespaces, own uid, Landlock, limits"
    assert full.sentence == f"sandbox: {holds}"
    weak = replace(full.without_namespaces(), root=False, uids=False, why="Operation not permitted")
    assert weak.sentence.startswith(
        "sandbox: Landlock and limits only, because namespaces are forbidden here "
        "(Operation not permitted); open: "
    )
    assert "every file you can read" in replace(weak, landlock=0).sentence
    assert "limits only, since walls need Linux; open: every file" in Capabilities().sentence


def test_launch_says_why_it_failed() -> None:
    capabilities = probe()
    with pytest.raises(SandboxError, match="No such file"):
        launch(["/usr/nowhere"], capabilities=capabilities, readable=[Path("/usr")], env={})
    with pytest.raises(SandboxError, match="cannot be shown"):
        launch(["/bin/true"], capabilities=capabilities, readable=[Path("/")], env={})


def test_launch_returns_the_code_inside() -> None:
    capabilities = probe()
    for kind in (capabilities, capabilities.without_namespaces()):
        if kind.mount or closed_folder([sys.executable]) is None:
            argv = ["/bin/sh", "-c", "exit 7"]
            readable = system_paths() if kind.mount else [Path("/usr")]
            assert launch(argv, capabilities=kind, readable=readable, env={}).wait(10) == 7


def test_closed_folder_is_refused_with_its_repair(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    capabilities = Capabilities(linux=True, root=True, uids=True)
    with pytest.raises(SandboxError, match="chmod o\\+x"):
        launch(["/bin/true"], capabilities=capabilities, readable=[tmp_path / "."], env={})


def test_enter_refuses_a_form_without_a_place_to_write() -> None:
    with pytest.raises(SandboxError, match="writable"):
        enter(Limits(), Capabilities(linux=True), slot=0)
    with pytest.raises(SandboxError, match="slot"):
        enter(Limits(), Capabilities(linux=True), slot=-1)


def test_view_follows_links_and_hides_siblings(tmp_path: Path) -> None:
    (tmp_path / "real/lib").mkdir(parents=True)
    (tmp_path / "real/lib/a.py").touch()
    (tmp_path / "real/secret").touch()
    (tmp_path / "link").symlink_to("real")
    base = os.path.realpath(tmp_path)
    shown = view([f"{base}/link/lib", f"{base}/real/lib/a.py", f"{base}/missing"])
    assert shown.binds == (f"{base}/real/lib",)
    assert shown.links == ((f"{base}/link", "real"),)


def test_view_survives_a_circle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert view([str(tmp_path / "a")]).binds == ()
