"""Where there are no walls and no forks: a process for each submission, and the same grades."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from autograder.execution import TimeLimits
from autograder.nurseries import FreshNursery, nursery_for
from autograder.pool import Worker
from autograder.sandbox import Form, Limits
from autograder.sandbox.plain import MARK
from autograder.worker import UNSAFE
from tests.engine.no_linux import ROOT, no_linux
from tests.engine.sampled_course import Parts, asks, write_sampled
from tests.engine.small_course import cell_of, load, save
from tests.engine.test_execution import MIB, run, text
from tests.engine.test_marking import mark
from tests.engine.toy_course import SETTINGS, start, write_toy

HASTY = TimeLimits(cell=1.5, grace=1.0, notebook=60)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshNursery]:
    material = tmp_path_factory.mktemp("materials") / "data.txt"
    material.write_text("beside the notebook")
    limits = Limits(memory_bytes=600 * MIB, file_bytes=MIB)
    with nursery_for(limits, form=Form(), materials=[material]) as nursery:
        assert isinstance(nursery, FreshNursery)
        yield nursery


def test_cells_put_out_what_they_do_elsewhere(nursery: FreshNursery) -> None:
    cells = run(
        nursery,
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


def test_cells_that_do_not_end_are_interrupted_or_left_out(nursery: FreshNursery) -> None:
    stubborn = "import time\nwhile True:\n    try: time.sleep(9)\n    except KeyboardInterrupt: pass"
    cells = run(nursery, "while True: pass", stubborn, "print('next')", limits=HASTY)
    assert (cells[0].note or "").startswith("interrupted after 1.")
    assert [x.ename for x in cells[0].outputs] == ["KeyboardInterrupt"]
    assert "did not stop" in (cells[1].note or "")
    assert text(cells[2]) == "next\n"


def test_a_cell_that_ends_the_process_costs_itself(nursery: FreshNursery) -> None:
    first, second, third = run(nursery, "x = 5", "x = 6\nimport os; os._exit(0)", "print(x)")
    assert first.note is None
    assert second.note == "left out: it ended the Python process"
    assert text(third) == "5\n"


def test_every_submission_starts_from_the_same_state_in_a_folder_of_its_own(nursery: FreshNursery) -> None:
    source = (
        "import os, random, numpy, torch\n"
        "print(random.random(), numpy.random.rand(), torch.rand(1), hash('x'), sorted(os.listdir('.')))\n"
        "open('leftover', 'w').close(); print(os.getcwd())"
    )
    (first,) = run(nursery, source)
    (second,) = run(nursery, source)
    (*known, one), (*again, other) = (text(x).splitlines() for x in (first, second))
    assert known == again
    assert one != other
    assert not Path(one).exists()


LEFT = """
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


def test_what_it_started_ends_with_it(nursery: FreshNursery) -> None:
    """One that left the family keeps the mark, one that took off the mark stays in the family."""
    (cell,) = run(nursery, LEFT)
    pids = [int(word) for word in text(cell).split()]
    assert len(pids) == 2
    assert not any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_bombs_end_at_the_limits(nursery: FreshNursery) -> None:
    memory, file = run(
        nursery,
        "x = bytearray(2 * 2**30)",
        "import os\nwith open('big', 'wb') as file: file.write(bytes(2**21))",
    )
    assert [x.ename for x in memory.outputs] == ["MemoryError"]
    assert [x.ename for x in file.outputs] == ["OSError"]


def test_a_process_that_was_waiting_and_died_is_replaced(nursery: FreshNursery) -> None:
    nursery.wait()
    assert nursery._next is not None
    nursery._next.process.end()
    (cell,) = run(nursery, "print('here')")
    assert text(cell) == "here\n"


def test_nothing_is_left_when_a_nursery_closes(tmp_path: Path) -> None:
    nursery = FreshNursery(Limits(), "cpu", Form(), [])
    nursery.wait()
    mark_of_it = nursery._next and nursery._next.process._mark
    folder = nursery._next and nursery._next.folder
    assert mark_of_it and folder
    nursery.close()
    assert not Path(folder).exists()
    assert mark_of_it not in {_environment(x).get(MARK) for x in psutil.process_iter()}


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        found: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return found


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    root = write_toy(tmp_path_factory.mktemp("toy"))
    # Each exercise that loses points has the notebook run again in a process of its own, which takes seconds.
    (root / "pyproject.toml").write_text(SETTINGS.replace("submission = 40.0", "submission = 200.0"))
    with no_linux():
        worker = Worker(msgspec.structs.replace(start(root), unsafe=True))
        worker.wait()
        yield worker
        worker.close()


def test_points_are_lost_and_kept_as_elsewhere(worker: Worker) -> None:
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
    done, results = mark(worker, names, source)
    assert done.staff == []
    assert done.warning == UNSAFE
    statuses = ["passed", "passed", "passed", "wrong", "raised", "timeout", "missing"]
    assert [results[name].status for name in names] == statuses


TWICE = Parts(
    "def twice(x):\n    return 2 * x",
    asks("twice", three="3", one="1"),
    chaffs={
        "ends_it": "import os; os._exit(0)",  # the chaffs after it are asked in another process
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
        refused = _ran(line)
        graded = _ran([*line, "--unsafe", "--json", str(results)])
    (said,) = refused.stderr.splitlines()
    assert refused.returncode == 1
    assert "this is not Linux" in said
    assert said.endswith("--unsafe.")
    assert graded.returncode == 0, graded.stderr
    assert "walls need Linux" in graded.stderr
    assert "Graded with --unsafe" in graded.stdout
    (result,) = json.loads(results.read_text())["results"]
    assert result["message"] == UNSAFE
    (exercise,) = [x for x in result["exercises"] if x["id"] == "twice"]
    assert exercise["diagnosis"]["chaff"] == "squares"


def _ran(line: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, capture_output=True, text=True, timeout=300, cwd=ROOT)
