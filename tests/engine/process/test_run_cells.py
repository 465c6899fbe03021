"""Cells in a real process: how they run, and what they cannot break."""

from __future__ import annotations

import time

import pytest

from autograder.core.settings import TimeLimits
from autograder.process.launcher import Launcher
from autograder.sandbox.kill_tree import descendants
from tests.engine.process.cells import HASTY, only, run, text


def test_cells_run_in_order_and_share_their_names(launcher: Launcher) -> None:
    first, second, third = run(launcher, "x = [1]", "x.append(2)\nx", "%who_ls")
    assert [first.execution_count, second.execution_count] == [1, 2]
    assert first.outputs == []
    assert only(second, "execute_result").data["text/plain"] == "[1, 2]"
    assert "x" in only(third, "execute_result").data["text/plain"]
    assert [cell.note for cell in (first, second, third)] == [None] * 3


def test_magics_and_top_level_await(launcher: Launcher) -> None:
    timed, captured, awaited, shell, plot = run(
        launcher,
        "%%time\nsum(range(10))",
        "%%capture kept\nprint('hidden')",
        "import asyncio\nawait asyncio.sleep(0.01)\nprint(kept.stdout, end='')",
        "%%bash\necho bash",
        "%matplotlib inline\n%config InlineBackend.figure_format = 'png'",
    )
    assert "Wall time" in text(timed)
    assert captured.outputs == []
    assert text(awaited) == "hidden\n"
    assert text(shell) == "bash\n"
    assert plot.outputs == []


@pytest.mark.parametrize("module", ["tqdm", "tqdm.auto", "tqdm.notebook"])
def test_progress_bars_start_no_thread(launcher: Launcher, module: str) -> None:
    """With a second thread the process could not be copied before each test cell."""
    bar = f"from {module} import tqdm\nsteps = [x for x in tqdm(range(3))]"
    *_, threads = run(launcher, bar, "import threading\nprint(steps, threading.active_count())")
    assert text(threads) == "[0, 1, 2] 1\n"


def test_a_cell_over_its_time_limit_is_interrupted(launcher: Launcher) -> None:
    before, endless, after = run(
        launcher, "x = 1", "print('going')\nwhile True: x += 1", "print(x > 1)", limits=HASTY
    )
    assert before.note is None
    assert endless.note == "interrupted after 1.5 s"
    assert only(endless, "error").ename == "KeyboardInterrupt"
    assert text(endless) == "going\n"
    assert text(after) == "True\n"


def test_a_cell_that_ignores_the_interrupt_is_left_out_and_the_rest_run_again(
    launcher: Launcher,
) -> None:
    stubborn = (
        "import time\nx.append('stubborn')\nwhile True:\n    try: time.sleep(9)\n"
        "    except KeyboardInterrupt: pass"
    )
    _, lost, after = run(launcher, "x = ['first']", stubborn, "print(x)", limits=HASTY)
    assert lost.note == "left out: it did not stop after 1.5 s, even when interrupted"
    assert lost.outputs == []
    assert text(after) == "['first']\n"


@pytest.mark.parametrize(
    "end",
    [
        "os._exit(0)",
        "os.kill(os.getpid(), 9)",
        "import ctypes; ctypes.string_at(0)",
        "os.closerange(3, 500)",
    ],
)
def test_a_cell_that_ends_the_process_is_left_out(launcher: Launcher, end: str) -> None:
    _, lost, after = run(launcher, "x = 5", f"import os\nx = 6\n{end}", "print(x)")
    assert "the Python process" in (lost.note or "")
    assert text(after) == "5\n"


def test_a_process_that_stops_itself_is_left_out(launcher: Launcher) -> None:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"
    lost, after = run(launcher, source, "print('next')", limits=HASTY)
    assert lost.note is not None
    assert lost.note.startswith("left out: it did not stop")
    assert text(after) == "next\n"


def test_too_many_lost_cells_end_the_notebook(launcher: Launcher) -> None:
    limits = TimeLimits(cell=60, notebook=120, lost_cells=1)
    *lost, last = run(launcher, *["import os; os._exit(1)"] * 2, "print('x')", limits=limits)
    assert {cell.note for cell in lost} == {"left out: it ended the Python process"}
    assert last.note == "not run: too many earlier cells had to be left out"
    assert last.outputs == []


def test_the_notebook_has_a_time_limit_of_its_own(launcher: Launcher) -> None:
    limits = TimeLimits(cell=60, grace=2, notebook=1.5)
    slow, late = run(launcher, "import time\ntime.sleep(30)", "print('x')", limits=limits)
    assert slow.note is not None
    assert slow.note.startswith("interrupted after 1.")
    assert late.note == "not run: the notebook had used up its 1.5 s"
    assert late.outputs == []


@pytest.mark.parametrize(
    "greed",
    [
        "x = bytearray(4 * 2**30)",
        "import torch; x = torch.ones(2**30)",
        "import numpy as np; x = np.ones(2**30)",
        "x = []\nwhile True: x.append('x' * 2**20 + str(len(x)))",
    ],
    ids=["bytes", "torch", "numpy", "list"],
)
def test_too_much_memory_is_an_error_and_leaves_the_grader_alive(launcher: Launcher, greed: str) -> None:
    cell, after = run(launcher, greed, "x = None\nprint('next')")
    error = only(cell, "error")
    assert "Memory" in error.ename or "allocate memory" in error.evalue
    assert text(after) == "next\n"


def test_asking_for_input_fails_at_once(launcher: Launcher) -> None:
    start = time.monotonic()
    asked, secret, after = run(
        launcher, "name = input('Name? ')", "import getpass\ngetpass.getpass()", "print('next')"
    )
    assert only(asked, "error").ename in ("EOFError", "StdinNotImplementedError")
    assert only(secret, "error").ename in ("EOFError", "StdinNotImplementedError")
    assert text(after) == "next\n"
    assert time.monotonic() - start < 30


def test_threads_workers_and_pools_work(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "import threading, torch, multiprocessing\n"
        "found = []\n"
        "ts = [threading.Thread(target=found.append, args=(i,)) for i in range(3)]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join()\n"
        "print(sorted(found))",
        "from torch.utils.data import DataLoader\n"
        "print(sum(b.sum().item() for b in DataLoader(torch.arange(10), 2, num_workers=2)))",
        "with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))",
        "torch.set_num_threads(2); print((torch.ones(300, 300) @ torch.ones(300, 300)).sum())",
    )
    assert [text(cell).strip() for cell in cells] == ["[0, 1, 2]", "45", "[1, 2]", "tensor(27000000.)"]


def test_every_submission_starts_from_the_same_fresh_state(launcher: Launcher) -> None:
    source = (
        "import os, random, numpy, torch, tempfile\n"
        "print(random.random(), numpy.random.rand(), torch.rand(1), hash('x'))\n"
        "print(os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('.'), 'leftover' in dir())\n"
        "leftover = 1\n"
        "for folder in ('/tmp', '/dev/shm', '.'): open(f'{folder}/leftover', 'w').close()\n"
        "torch.leftover = 1; os.environ['LEFTOVER'] = '1'"
    )
    (first,) = run(launcher, source)
    (second,) = run(launcher, source)
    (third,) = run(launcher, "import torch, os\nprint(hasattr(torch, 'leftover'), dict(os.environ))")
    assert text(first) == text(second)
    assert "leftover" not in text(first)
    assert text(third).startswith("False")
    assert "LEFTOVER" not in text(third)


def test_what_a_submission_left_running_is_gone(launcher: Launcher) -> None:
    daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n    os._exit(0)"
    run(launcher, "1")
    before = set(descendants())
    run(launcher, daemon, "!sleep 600 > /dev/null 2>&1 &")
    assert set(descendants()) == before


def test_a_lost_fork_server_is_replaced(launcher: Launcher) -> None:
    run(launcher, "1")
    assert launcher._process is not None
    launcher._process.kill()
    launcher._process.wait()
    (cell,) = run(launcher, "print('born again')")
    assert text(cell) == "born again\n"
