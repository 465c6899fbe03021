"""Limits that the fork server polls, where the kernel does not enforce them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.core.limits import MIB, Limits
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.sandbox.launch import probe
from autograder.sandbox.usage_poller import UsagePoller
from autograder.sandbox.view import closed_folder
from tests.engine.process.cells import run, text

SLOW = "import time\nfor _ in range(100): time.sleep(0.1)\n"


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    """Without namespaces or a control group; under our own uid if no other uid could reach Python."""
    capabilities = replace(probe().without_namespaces(), cgroup=False)
    if closed_folder([sys.executable, *sys.path[1:]]):
        capabilities = replace(capabilities, uids=False)
    limits = Limits(tmp_bytes=64 * MIB, tmp_files=500, total_bytes=900 * MIB)
    with launcher_for(limits, capabilities=capabilities) as launcher:
        yield launcher


@pytest.mark.parametrize(
    "bomb",
    [
        "for n in range(10): open(f'f{n}', 'wb').write(bytes(10 * 2**20))",
        "for n in range(600): open(f'f{n}', 'w').close()",
        "import os\nfor n in range(3000): os.mkdir('d'); os.chdir('d')",
        "import os\nkept = []\nfor n in range(10):\n"
        "    kept.append(open('x', 'wb', buffering=0)); kept[-1].write(bytes(10 * 2**20)); os.unlink('x')",
        "open('sparse', 'wb').truncate(2**27)\nkept = []\n"
        "for n in range(7):\n    kept.append(open(f'/dev/shm/test_poller_{n}', 'wb'))\n"
        "    kept[-1].write(bytes(10 * 2**20))",
        "import os, mmap\nfor n in range(4):\n    if os.fork() == 0:\n"
        "        x = bytearray(b'x') * (250 * 2**20)\n        while True: pass",
    ],
    ids=["bytes", "files", "depth", "unlinked files", "shared memory", "memory of all processes"],
)
def test_submission_over_a_limit_is_killed(launcher: Launcher, bomb: str) -> None:
    lost, after = run(launcher, f"{bomb}\n{SLOW}", "import os\nprint(os.listdir('.'))")
    over = (
        "used too much memory ("
        if "bytearray" in bomb
        else "wrote too much to disk (more than 64 MiB or 500 files"
    )
    assert (lost.note or "").startswith(f"left out: it {over}")
    assert text(after) == "[]\n"
    assert not [x for x in os.listdir("/tmp") if x.startswith(f"autograder-{os.getpid()}-")]
    assert not [x for x in os.listdir("/dev/shm") if x.startswith("test_poller")]


def test_submission_within_the_limits_is_not_killed(launcher: Launcher) -> None:
    """Memory that workers share with the notebook counts once."""
    honest = (
        "import torch\nfrom torch.utils.data import DataLoader\n"
        "held = torch.ones(50 * 2**20)\n"
        "for n in range(5): open(f'f{n}', 'wb').write(bytes(10 * 2**20))\n"
        "loader = DataLoader(torch.arange(40.0), batch_size=4, num_workers=4)\n"
        "print(sum(float(batch.sum()) for _ in range(3) for batch in loader))\n"
    )
    (cell,) = run(launcher, f"{honest}import time; time.sleep(1)")
    assert cell.note is None
    assert text(cell) == "2340.0\n"


def test_shared_memory_of_others_is_not_counted(launcher: Launcher, tmp_path: Path) -> None:
    """Another worker's student may have the same uid: memory counts only for the submission that uses it."""
    poller = UsagePoller(
        Limits(tmp_bytes=MIB),
        replace(launcher.capabilities, uids=False),
        str(tmp_path),
        frozenset(),
        os.geteuid(),
    )
    path = Path("/dev/shm/test_poller_of_others")
    with path.open("wb") as held:
        held.write(bytes(2 * MIB))
        held.flush()
        assert not poller.too_many_files([])
        assert poller.too_many_files([os.getpid()])
        own = replace(poller, capabilities=replace(launcher.capabilities, uids=True))
        assert own.too_many_files([])  # nobody else has its uid, so whatever is new belongs to it
    path.unlink()


def test_poller_is_not_needed_where_the_kernel_enforces_the_limits(launcher: Launcher) -> None:
    full = replace(probe(), mount=True, cgroup=True)
    assert not UsagePoller(Limits(), full, "", frozenset(), 0).needed()
    assert UsagePoller(Limits(), launcher.capabilities, "", frozenset(), 0).needed()
