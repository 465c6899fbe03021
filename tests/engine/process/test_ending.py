"""A process that the kernel or the fork server killed: the reason is found out and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from autograder.core.limits import MIB, Limits
from autograder.core.records import CodeCell
from autograder.core.settings import TimeLimits
from autograder.process.choose_launcher import launcher_for
from autograder.process.ending import KILLED, ending_of
from autograder.process.launcher import Launcher
from autograder.process.proxy import StudentLost
from autograder.process.run_cells import run_cells
from autograder.sandbox.launch import probe
from tests.engine.process.cells import PATIENT, run

LIMITS = Limits(cpu_seconds=1, total_bytes=200 * MIB)
ENDINGS = {
    "os._exit(0)": ("raised", "ended the Python process"),
    "ctypes.string_at(0)": ("raised", "crashed the Python process (SIGSEGV)"),
    "os.abort()": ("raised", "crashed the Python process (SIGABRT)"),
    "burn()": ("timeout", "used up its 1 s of processor time"),
    "os.kill(os.getpid(), 9)": ("raised", "ended the Python process (it was killed"),
}
IMPORTS = "import ctypes, os\ndef burn():\n    while True: pass\n"


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with launcher_for(LIMITS) as launcher:
        yield launcher


@pytest.mark.parametrize("end", ENDINGS)
def test_a_cell_is_told_how_it_ended_the_process(launcher: Launcher, end: str) -> None:
    _, did = ENDINGS[end]
    (lost,) = run(launcher, IMPORTS + end)
    assert (lost.note or "").startswith(f"left out: it {did}")


@pytest.mark.parametrize("end", ENDINGS)
def test_so_is_a_request(launcher: Launcher, end: str) -> None:
    fault, did = ENDINGS[end]
    lost = lost_in_request(launcher, f"{IMPORTS}def f(): {end}")
    assert lost.fault == fault
    assert str(lost).startswith(f"Your code {did}")


def lost_in_request(launcher: Launcher, source: str, limits: TimeLimits = PATIENT) -> StudentLost:
    """What ended the call f() in a notebook with this cell."""
    try:
        process = run_cells(launcher, [CodeCell(0, source)], 0, limits).process
        with pytest.raises(StudentLost) as caught, process.answering() as proxy:
            proxy.seconds = 20.0
            proxy.f()
        return caught.value
    finally:
        launcher.kill_tree()


def test_a_fork_that_dies_together_with_its_parent(launcher: Launcher) -> None:
    source = "import os\nparent = os.getpid()\ndef f():\n    os.kill(parent, 11)\n    os._exit(0)"
    assert str(lost_in_request(launcher, source)) in (
        "Your code ended the Python process",
        "Your code crashed the Python process (SIGSEGV)",
    )


ALLOCATE = "block = bytearray(b'x') * (1700 * 2**20)"


@pytest.mark.slow  # it fills more than a gigabyte
@pytest.mark.parametrize("cgroup", [True, False])
def test_out_of_memory(cgroup: bool) -> None:
    capabilities = probe()
    if cgroup and not capabilities.cgroup:
        pytest.skip("no control groups here")
    with launcher_for(LIMITS, capabilities=replace(capabilities, cgroup=cgroup)) as launcher:
        (lost,) = run(launcher, f"{ALLOCATE}\n{IMPORTS}burn()")
        assert (lost.note or "").startswith("left out: it used too much memory")
        request = lost_in_request(launcher, f"{IMPORTS}def f():\n    {ALLOCATE}\n    burn()")
        assert request.fault == "memory"
        assert str(request).startswith("Your code used too much memory")


def test_a_limit_that_was_exceeded_counts_more_than_the_signal() -> None:
    assert ending_of(KILLED, "memory", Limits()).fault == "memory"
    assert ending_of(KILLED, "files", Limits()).fault == "memory"
    assert ending_of(KILLED, "", Limits()).fault == "raised"
    assert "512 MiB or 8192 files" in ending_of(KILLED, "files", Limits()).did
