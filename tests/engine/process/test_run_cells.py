"""Cells in a real student's process: what they put out, and what they cannot break."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import pytest

from autograder.core.limits import Limits
from autograder.core.records import CellRun, CodeCell, Output
from autograder.core.settings import TimeLimits
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.process.run_cells import run_cells
from autograder.protocol.messages import CELL_OUTPUT_BYTES, size_of
from autograder.sandbox.kill_tree import descendants

MIB = 2**20
PATIENT = TimeLimits(cell=60, grace=3, notebook=120)
HASTY = TimeLimits(cell=1.5, grace=1.0, notebook=60)
Ran = tuple[list[CellRun], float]


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    limits = Limits(memory_bytes=600 * MIB, cpu_seconds=60, processes=32, tmp_bytes=64 * MIB)
    with launcher_for(limits) as launcher:
        yield launcher


def run(launcher: Launcher, *sources: str, limits: TimeLimits = PATIENT) -> list[CellRun]:
    """The cells' outcomes, in order; whatever happens, it ends within two minutes."""
    cells = [CodeCell(number, source) for number, source in enumerate(sources)]
    start = time.monotonic()
    try:
        found = run_cells(launcher, cells, seed=7, limits=limits).cells
    finally:
        launcher.kill_tree()
    assert time.monotonic() - start < 120
    assert list(found) == list(range(len(sources)))
    return list(found.values())


def text(cell: CellRun, name: str = "stdout") -> str:
    return "".join(x.text for x in cell.outputs if x.kind == "stream" and x.name == name)


def only(cell: CellRun, kind: str) -> Output:
    (found,) = [output for output in cell.outputs if output.kind == kind]
    return found


HELPED = ["def step(x): return x + 1", "def climb(x): return step(step(x))"]


@pytest.mark.parametrize(
    "later, climbed",
    [
        pytest.param(CodeCell(9, "step = 0.1", given=True), 3, id="given"),
        pytest.param(CodeCell(9, "def step(x): return 10", given=True), 3, id="given function"),
        pytest.param(CodeCell(9, "def step(x): return 10"), 10, id="the student's own function"),
        pytest.param(CodeCell(9, "step = {1: 5, 5: 7}.get"), 7, id="the student's own value"),
    ],
)
def test_a_given_cell_takes_no_helper_away(launcher: Launcher, later: CodeCell, climbed: int) -> None:
    cells = [*(CodeCell(number, source) for number, source in enumerate(HELPED)), later]
    try:
        process = run_cells(launcher, cells, seed=7, limits=PATIENT).process
        assert process.fork().proxy.climb(1) == climbed
    finally:
        launcher.kill_tree()


def test_a_name_that_a_student_deletes_stays_deleted(launcher: Launcher) -> None:
    cells = [CodeCell(0, HELPED[0]), CodeCell(1, "del step"), CodeCell(2, "step = 0.1", given=True)]
    try:
        proxy = run_cells(launcher, cells, seed=7, limits=PATIENT).process.fork().proxy
        assert proxy.value("step") == 0.1
    finally:
        launcher.kill_tree()


def test_cells_run_in_order_and_share_their_names(launcher: Launcher) -> None:
    first, second, third = run(launcher, "x = [1]", "x.append(2)\nx", "%who_ls")
    assert [first.execution_count, second.execution_count] == [1, 2]
    assert first.outputs == []
    assert only(second, "execute_result").data["text/plain"] == "[1, 2]"
    assert "x" in only(third, "execute_result").data["text/plain"]
    assert [cell.note for cell in (first, second, third)] == [None] * 3


def test_streams_keep_their_names_and_their_order(launcher: Launcher) -> None:
    source = "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c', end='')\n1"
    (cell,) = run(launcher, source)
    streams = [(x.name, x.text) for x in cell.outputs[:3]]
    assert streams == [("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c")]
    assert cell.outputs[3].kind == "execute_result"


def test_what_programs_and_c_code_write_is_kept(launcher: Launcher) -> None:
    told = run(
        launcher,
        "import os\n_ = os.write(1, b'straight to one\\n')",
        "!echo from $((40 + 2)) shells; echo oh >&2",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'by puts'); libc.fflush(None);",
        "import subprocess, sys\n_ = subprocess.run([sys.executable, '-S', '-c', 'print(\"child\")'])",
        "files = !ls -d /usr\nprint(files)",
    )
    wanted = ["straight to one", "from 42 shells\noh", "by puts", "child", "['/usr']"]
    assert [text(cell).strip() for cell in told] == wanted


def test_displays_and_results_come_in_every_format(launcher: Launcher) -> None:
    shown, result, silent, updated = run(
        launcher,
        "from IPython.display import HTML, JSON, display\ndisplay(HTML('<b>x</b>'), JSON({'a': [1]}))",
        "class Rich:\n    def _repr_html_(self): return '<i>rich</i>'\nRich()",
        "Rich();",
        "handle = display('old', display_id=True)\nhandle.update('new')",
    )
    assert [x.kind for x in shown.outputs] == ["display_data"] * 2
    assert shown.outputs[0].data["text/html"] == "<b>x</b>"
    assert shown.outputs[1].data["application/json"] == '{"a": [1]}'
    assert only(result, "execute_result").data["text/html"] == "<i>rich</i>"
    assert silent.outputs == []
    assert [x.data["text/plain"] for x in updated.outputs] == ["'new'"]


def test_plots_are_pictures(launcher: Launcher) -> None:
    plot, named = run(
        launcher,
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "figure, axes = plt.subplots()\naxes.set_title('$x^2$')\nplt.show()",
    )
    for cell in (plot, named):
        picture = base64.b64decode(only(cell, "display_data").data["image/png"])
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 1000


def test_errors_come_with_their_traceback_and_stop_one_cell_only(launcher: Launcher) -> None:
    sources = [
        "def f():\n    return 1 / 0\nf()\nprint('never')",
        "x = (",
        "import sys\nsys.exit(3)",
    ]
    zero, syntax, leaving, after = run(launcher, *sources, "print('still here')")
    error = only(zero, "error")
    assert (error.ename, error.evalue) == ("ZeroDivisionError", "division by zero")
    assert any("return 1 / 0" in line for line in error.traceback)
    assert "never" not in text(zero)
    assert "\x1b" not in "".join(error.traceback)
    assert only(syntax, "error").ename == "SyntaxError"
    assert only(leaving, "error").ename == "SystemExit"
    assert text(after) == "still here\n"


def test_errors_that_cannot_be_told_are_told_all_the_same(launcher: Launcher) -> None:
    source = "class E(Exception):\n    def __str__(self): {}\nraise E()"
    outcomes = run(
        launcher, source.format("raise ValueError"), source.format("return '\\ud800'"),
        "print('\\ud800 half')", "type('\\udfff', (Exception,), {})", "print('whole')",
    )  # fmt: skip
    assert [cell.note for cell in outcomes] == [None] * 5
    assert [cell.outputs[0].ename for cell in outcomes[:2]] == ["E", "E"]
    assert text(outcomes[2]) == "? half\n"
    assert text(outcomes[4]) == "whole\n"


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


def test_a_cell_over_its_time_is_interrupted(launcher: Launcher) -> None:
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
    assert lost.note == "left out: it did not stop after 1.5 s, not even when interrupted"
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
    assert lost.note == "left out: it ended the Python process"
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
    assert last.note == "not run: too many cells before it had to be left out"
    assert last.outputs == []


def test_the_notebook_has_a_time_of_its_own(launcher: Launcher) -> None:
    limits = TimeLimits(cell=60, grace=2, notebook=1.5)
    slow, late = run(launcher, "import time\ntime.sleep(30)", "print('x')", limits=limits)
    assert slow.note is not None
    assert slow.note.startswith("interrupted after 1.")
    assert late.note == "not run: the notebook had used up its 1.5 s"
    assert late.outputs == []


@pytest.mark.parametrize(
    "bomb",
    [
        "for i in range(150_000): print(i, 'x' * 30)",
        "print('x' * 50_000_000)",
        "for i in range(25_000): display(i)",
        "import os\nfor i in range(40): _ = os.write(1, b'x' * 1_000_000)",
        "'x' * 50_000_000",
        "raise ValueError('x' * 50_000_000)",
    ],
    ids=["lines", "text", "displays", "descriptor", "result", "error"],
)
def test_output_bombs_are_cut(launcher: Launcher, bomb: str) -> None:
    limits = TimeLimits(cell=30, grace=5, notebook=60)
    cell, after = run(launcher, bomb, "print('next')", limits=limits)
    assert cell.note is None
    assert size_of(cell.outputs) < CELL_OUTPUT_BYTES + 10_000
    assert text(after) == "next\n"
    if "raise" in bomb:
        assert only(cell, "error").evalue.startswith("xxx")
    elif "os.write" not in bomb:
        assert "cut here" in text(cell, "stderr")
    if "print" in bomb:
        assert cell.outputs[0].text.startswith(("0 xxx", "xxx"))


def test_a_notebook_full_of_bombs_is_cut_as_a_whole(launcher: Launcher) -> None:
    cells = run(launcher, *["print('x' * 5_000_000)"] * 12, "print('last')")
    assert sum(size_of(cell.outputs) for cell in cells) < 17 * MIB
    assert cells[-1].note is None


def test_forged_outputs_are_bounded_by_the_grader(launcher: Launcher) -> None:
    """Who answers in the shell's place is not bound by its bounds."""
    forge = (
        "from autograder.core.records import Output\n"
        "big = [Output('stream', name='stdout', text='x' * 15_000_000)]\n"
        "get_ipython().outputs.finish = lambda: big"
    )
    cells = run(launcher, forge, *["1"] * 5)
    assert sum(size_of(cell.outputs) for cell in cells) < 40 * MIB
    assert [len(cell.outputs) for cell in cells] == [1, 1, 0, 0, 0, 0]
    assert cells[-1].note == "its outputs were left out: together they are over the limit"


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
def test_too_much_memory_is_an_error_and_no_dead_grader(launcher: Launcher, greed: str) -> None:
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
    told = [text(cell).strip() for cell in cells]
    assert told == ["[0, 1, 2]", "45", "[1, 2]", "tensor(27000000.)"]


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


def test_a_lost_warm_process_is_replaced(launcher: Launcher) -> None:
    run(launcher, "1")
    assert launcher._process is not None
    launcher._process.kill()
    launcher._process.wait()
    (cell,) = run(launcher, "print('born again')")
    assert text(cell) == "born again\n"
