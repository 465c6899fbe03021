"""One memory limit for all processes together, in a real control group."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox import cgroup
from autograder.sandbox.launch import launch, probe
from autograder.sandbox.view import system_paths

MIB = 1 << 20
pytestmark = pytest.mark.skipif(not cgroup.available(), reason="no control group can be created here")

# Six processes of 64 MiB each; prints how many of them were killed.
SIX_PROCESSES = """
import os, time
pids = []
for _ in range(6):
    pid = os.fork()
    if pid == 0:
        open("/proc/self/oom_score_adj", "w").write("1000")
        held = bytearray(64 * 2**20)
        for place in range(0, len(held), 4096):
            held[place] = 1
        time.sleep(2)
        os._exit(0)
    pids.append(pid)
print(sum(os.WIFSIGNALED(os.waitpid(pid, 0)[1]) for pid in pids), flush=True)
"""


@pytest.mark.parametrize(("limit", "some_die"), [(200 * MIB, True), (2048 * MIB, False)])
def test_processes_share_one_limit(limit: int, some_die: bool) -> None:
    group = cgroup.make(limit)
    assert group is not None
    process = launch(
        [sys.executable, "-I", "-c", SIX_PROCESSES], capabilities=probe(), readable=system_paths(), env={"PATH": "/usr/bin"},
        group=group, stdout=subprocess.PIPE,
    )  # fmt: skip
    printed, _ = process.communicate(timeout=60)
    assert (int(printed) > 0) == some_die
    cgroup.remove(group)
    assert not group.exists()


def test_group_of_a_killed_grader_is_removed(tmp_path: Path) -> None:
    group = cgroup.make(MIB * 64)
    assert group is not None
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    stale = group.with_name(f"{cgroup.PREFIX}{ended.pid}-stale")
    stale.mkdir()
    cgroup.remove(group)
    assert cgroup.available()
    assert not stale.exists()
