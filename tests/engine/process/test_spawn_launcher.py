"""Without a sandbox and without forks: a process for each submission, and the same grades."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from autograder.core.limits import MIB, Limits
from autograder.process.choose_launcher import launcher_for
from autograder.process.spawn_launcher import SpawnLauncher
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.unsandboxed import TAG_VARIABLE
from autograder.workers.service import UNSAFE
from autograder.workers.worker_process import WorkerProcess
from tests.engine.grading.test_grade_submission import grade
from tests.engine.process.cells import HASTY, run, text
from tests.engine.process.no_linux import ROOT, no_linux
from tests.engine.support.sampled_course import Parts, asks, write_sampled
from tests.engine.support.small_course import cell_of, load, save
from tests.engine.support.toy_course import SETTINGS, worker_config, write_toy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpawnLauncher]:
    material = tmp_path_factory.mktemp("materials") / "data.txt"
    material.write_text("beside the notebook")
    limits = Limits(memory_bytes=600 * MIB, file_bytes=MIB)
    with launcher_for(limits, capabilities=Capabilities(), materials=[material]) as launcher:
        assert isinstance(launcher, SpawnLauncher)
        yield launcher


def test_cells_have_the_same_outputs_as_on_linux(launcher: SpawnLauncher) -> None:
    cells = run(
        launcher,
        "x = 3\nprint(x)\n!echo a program",
        "import os; os.write(1, b'past Python\\n'); 1 / 0",
        "input()",
        "import torch; print(open('data.txt').read(), os.getcwd() == os.environ['HOME'], x)",
    )
    assert text(cells[0]) == "3\na program\n"
    assert [x.ename for x in cells[1].outputs if x.kind == "error"] == ["ZeroDivisionError"]
    assert text(cells[1]) == "past Python\n"
    assert [x.ename for x in cells[2].outputs] == ["EOFError"]
    assert text(cells[3]) == "beside the notebook True 3\n"


def test_endless_cells_are_interrupted_or_left_out(launcher: SpawnLauncher) -> None:
    stubborn = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: pass"
    cells = run(launcher, "while True: pass", stubborn, "print('next')", limits=HASTY)
    assert (cells[0].note or "").startswith("interrupted after 1.")
    assert [x.ename for x in cells[0].outputs] == ["KeyboardInterrupt"]
    assert "did not stop" in (cells[1].note or "")
    assert text(cells[2]) == "next\n"


def test_only_a_cell_that_ends_the_process_is_left_out(launcher: SpawnLauncher) -> None:
    first, second, third = run(launcher, "x = 5", "x = 6\nimport os; os._exit(0)", "print(x)")
    assert first.note is None
    assert second.note == "left out: it ended the Python process"
    assert text(third) == "5\n"


def test_every_submission_starts_from_the_same_state_in_a_folder_of_its_own(launcher: SpawnLauncher) -> None:
    source = (
        "import os, random, numpy, torch\n"
        "print(random.random(), numpy.random.rand(), torch.rand(1), hash('x'), sorted(os.listdir('.')))\n"
        "open('leftover', 'w').close(); print(os.getcwd())"
    )
    (first,) = run(launcher, source)
    (second,) = run(launcher, source)
    (*known, one), (*again, other) = (text(x).splitlines() for x in (first, second))
    assert known == again
    assert one != other
    assert not Path(one).exists()


DAEMON_AND_CHILD = """
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    with open("daemon", "w") as file: file.write(str(os.getpid()))
    time.sleep(600)
stays = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={}).pid
while not os.path.exists("daemon") or not os.path.getsize("daemon"): time.sleep(0.01)
print(stays, open("daemon").read())
"""


def test_what_a_submission_started_ends_with_it(launcher: SpawnLauncher) -> None:
    """One process leaves the process tree but keeps its tag; the other drops its tag but stays in the tree."""
    (cell,) = run(launcher, DAEMON_AND_CHILD)
    pids = [int(word) for word in text(cell).split()]
    assert len(pids) == 2
    assert not any(_is_alive(pid) for pid in pids)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_bombs_end_at_the_limits(launcher: SpawnLauncher) -> None:
    memory, file = run(
        launcher,
        "x = bytearray(2 * 2**30)",
        "import os\nwith open('big', 'wb') as file: file.write(bytes(2**21))",
    )
    assert [x.ename for x in memory.outputs] == ["MemoryError"]
    assert [x.ename for x in file.outputs] == ["OSError"]


def test_a_process_that_dies_while_waiting_is_replaced(launcher: SpawnLauncher) -> None:
    launcher.wait()
    assert launcher._next is not None
    launcher._next.process.end()
    (cell,) = run(launcher, "print('here')")
    assert text(cell) == "here\n"


def test_nothing_is_left_when_a_launcher_closes(tmp_path: Path) -> None:
    launcher = SpawnLauncher(Limits(), "cpu", Capabilities(), [])
    launcher.wait()
    tag = launcher._next and launcher._next.process._tag
    folder = launcher._next and launcher._next.folder
    assert tag and folder
    launcher.close()
    assert not Path(folder).exists()
    assert tag not in {_environment(x).get(TAG_VARIABLE) for x in psutil.process_iter()}


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        found: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return found


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    root = write_toy(tmp_path_factory.mktemp("toy"))
    # For each exercise that loses points, the notebook runs again in a new process, which takes seconds.
    (root / "pyproject.toml").write_text(SETTINGS.replace("submission = 40.0", "submission = 200.0"))
    with no_linux():
        worker = WorkerProcess(msgspec.structs.replace(worker_config(root), unsafe=True))
        worker.wait()
        yield worker
        worker.close()


def test_scores_are_the_same_as_on_linux(worker: WorkerProcess) -> None:
    source = (
        "import os, time\nn = 0\n"
        "def right(): return 1\n"
        "def first():\n    global n\n    n += 1\n    return n\n"
        "second = first\n"
        "def wrong(): return 2\n"
        "def exited(): os._exit(0)\n"
        "def hang():\n    while True: time.sleep(0.1)\n"
    )
    names = ["right", "first", "second", "wrong", "exited", "hang", "missing"]
    done, results = grade(worker, names, source)
    assert done.internal_errors == []
    assert done.warning == UNSAFE
    statuses = ["passed", "passed", "passed", "wrong", "raised", "timeout", "missing"]
    assert [results[name].status for name in names] == statuses


TWICE = Parts(
    "def twice(x):\n    return 2 * x",
    asks("twice", three="3", one="1"),
    chaffs={
        "ends_it": "import os; os._exit(0)",  # the samples after it run in another process
        "never_ends": "while True: pass",
        "squares": "return x**2",
        "two_more": "return x + 2",
    },
)


def test_commands_work_and_every_result_warns(tmp_path: Path) -> None:
    root = write_sampled(tmp_path, {"twice": TWICE})
    notebook = load(root / "release/module6/part.ipynb")
    cell_of(notebook, "twice_solution")["source"] = "def twice(x):\n    return x * x"
    save(tmp_path / "part.ipynb", notebook)
    line = [sys.executable, "-m", "autograder", "run", str(tmp_path / "part.ipynb"), "--course", str(root)]
    results = tmp_path / "results.json"
    with no_linux():
        refused = _completed(line)
        graded = _completed([*line, "--unsafe", "--json", str(results)])
    (message,) = refused.stderr.splitlines()
    assert refused.returncode == 1
    assert "this is not Linux" in message
    assert message.endswith("--unsafe.")
    assert graded.returncode == 0, graded.stderr
    assert "the sandbox needs Linux" in graded.stderr
    assert "Graded with --unsafe" in graded.stdout
    (result,) = json.loads(results.read_text())["results"]
    assert result["message"] == UNSAFE
    (exercise,) = [x for x in result["exercises"] if x["id"] == "twice"]
    assert exercise["diagnosis"]["chaff"] == "squares"


def _completed(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, text=True, timeout=300, cwd=ROOT)
