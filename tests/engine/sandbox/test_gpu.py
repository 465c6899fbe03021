"""The sandbox with a GPU visible, attacked for real: what is let through, and that nothing else is.

A stand-in takes the card's place: device nodes that act like /dev/null show what student code may open and
which ioctls reach a device. It cannot show that CUDA runs behind these walls; tests/engine/gpu does, with a card.
"""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sandbox import test_sandbox
from tests.engine.sandbox.test_sandbox import AS_ROOT, attacked, command, result
from tests.engine.sandbox.test_sandbox import folder as folder  # a fixture

pytestmark = test_sandbox.pytestmark

STARTERS = ("root", "nobody") if os.geteuid() == 0 else ("me",)
KINDS = ("namespaces", "outer-proc", "no-landlock", "fallback")
SANDBOXES = [
    (starter, f"{kind}, gpu")
    for starter in STARTERS
    for kind in KINDS
    if starter == "me" or (starter, kind) in AS_ROOT
]
GIVEN = ("nvidiactl", "nvidia-uvm", "nvidia0")
NOT_GIVEN = ("nvidia1", "nvidia-modeset")
BY_ITSELF = ("test_all_die_with_the_grader", "test_memory_is_limited")

# Every promise that is kept without a GPU is kept with one: the same attacks, on the sandboxes of this module.
globals().update(
    {
        name: test
        for name, test in vars(test_sandbox).items()
        if name.startswith("test_") and name not in BY_ITSELF
    }
)


@pytest.fixture(scope="module")
def stand_in(folder: Path) -> Iterator[Path]:
    """A folder, open to every user, with a stand-in for a GPU."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        line, options = command(STARTERS[0], folder, "make-stand-in", name)
        subprocess.run(line, check=True, **options)
        for path in [Path(name), *Path(name).iterdir()]:
            path.chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module", params=SANDBOXES, ids=", ".join)
def outcome(request: pytest.FixtureRequest, folder: Path, stand_in: Path) -> dict[str, Any]:
    """{attack: what came of it} in one kind of sandbox."""
    return attacked(*request.param, folder, str(stand_in))


def test_the_given_nodes_accept_ioctl(outcome: dict[str, Any]) -> None:
    found = result(outcome, "use_nodes")
    assert {name: found["given"][name] for name in GIVEN} == dict.fromkeys(GIVEN, "ENOTTY")


def test_no_other_node_can_be_opened(outcome: dict[str, Any]) -> None:
    found = result(outcome, "use_nodes")["given"]
    assert {found[name] for name in NOT_GIVEN} <= {"open: ENOENT", "open: EACCES"}


def test_what_only_tools_need_is_hidden_or_else_not_refused(outcome: dict[str, Any]) -> None:
    """libcuda does without it where it does not exist, but gives up where it may not open it."""
    found = result(outcome, "use_nodes")
    hidden = outcome["capabilities"]["mount"]
    assert found["given"]["nvidia-uvm-tools"] == ("open: ENOENT" if hidden else "ENOTTY")
    assert found["listed"] == (sorted(GIVEN) if hidden else [])


def test_no_other_device_accepts_ioctl(outcome: dict[str, Any]) -> None:
    found = result(outcome, "use_nodes")["others"]
    refused = {"EACCES", "open: ENOENT", "open: EACCES", "open: EPERM", "open: ENXIO"}
    if outcome["capabilities"]["landlock"] >= 5:
        assert set(found.values()) <= refused
    else:  # harmless ones may be asked, but there are no others
        assert {name for name, error in found.items() if error not in refused} <= {
            "null", "zero", "full", "random", "urandom",
        }  # fmt: skip


def test_threads_can_be_named(outcome: dict[str, Any]) -> None:
    """libcuda gives up where it cannot name its threads. The forks can, if all of /proc is the submission's."""
    mine, of_a_fork = result(outcome, "name_threads")
    assert mine == 0
    capabilities = outcome["capabilities"]
    possible = (capabilities["mount"] and capabilities["proc"]) or not capabilities["landlock"]
    assert of_a_fork == (0 if possible else errno.EACCES)


def test_the_driver_shows_only_what_is_needed(outcome: dict[str, Any]) -> None:
    found = result(outcome, "read_driver")
    assert (found["given"], found["devices"], found["library"]) == ("done", "done", "done")
    assert {found["write"], found["not given"], found["other library"]} <= {"ENOENT", "EACCES", "EROFS"}


def test_nothing_of_others_can_be_written_in_proc(outcome: dict[str, Any]) -> None:
    found = result(outcome, "write_proc")
    refused = {"ENOENT", "EACCES", "EPERM", "EROFS"}
    assert {path: error for path, error in found.items() if error not in refused} == {}


def test_nodes_cannot_be_changed_or_made(outcome: dict[str, Any]) -> None:
    assert set(result(outcome, "change_nodes").values()) <= {"EPERM", "EACCES", "EROFS", "EBUSY", "EXDEV"}


def test_addresses_are_not_limited_but_memory_is(outcome: dict[str, Any]) -> None:
    assert result(outcome, "reserve_addresses") == "done"
    private, _ = result(outcome, "take_memory")
    assert 100 < private <= 256


def test_pipes_of_a_server_for_several_processes_are_out_of_reach(outcome: dict[str, Any]) -> None:
    assert set(result(outcome, "reach_pipes").values()) <= {"ENOENT", "EACCES"}


def test_caches_of_kernels_do_not_outlive_a_submission(outcome: dict[str, Any]) -> None:
    assert result(outcome, "leave_caches") == []
