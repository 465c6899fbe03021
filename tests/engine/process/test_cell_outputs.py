"""The outputs of cells: streams, displays, plots and errors, up to the limits."""

from __future__ import annotations

import base64

import pytest

from autograder.core import wording
from autograder.core.limits import MIB
from autograder.core.records import Output
from autograder.core.settings import TimeLimits
from autograder.process.launcher import Launcher
from autograder.protocol.messages import CELL_OUTPUT_BYTES, NOTEBOOK_OUTPUT_BYTES, OUTPUT_COST, size_of
from autograder.student.shell import Outputs
from tests.engine.process.cells import only, run, text


def test_streams_keep_their_names_and_their_order(launcher: Launcher) -> None:
    source = "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c', end='')\n1"
    (cell,) = run(launcher, source)
    streams = [(x.name, x.text) for x in cell.outputs[:3]]
    assert streams == [("stdout", "a\n"), ("stderr", "b\n"), ("stdout", "c")]
    assert cell.outputs[3].kind == "execute_result"


def test_what_programs_and_c_code_write_is_collected(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "import os\n_ = os.write(1, b'straight to one\\n')",
        "!echo from $((40 + 2)) shells; echo oh >&2",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.puts(b'by puts'); libc.fflush(None);",
        "import subprocess, sys\n_ = subprocess.run([sys.executable, '-S', '-c', 'print(\"child\")'])",
        "files = !ls -d /usr\nprint(files)",
    )
    wanted = ["straight to one", "from 42 shells\noh", "by puts", "child", "['/usr']"]
    assert [text(cell).strip() for cell in cells] == wanted


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


def test_plots_are_images(launcher: Launcher) -> None:
    plot, named = run(
        launcher,
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "figure, axes = plt.subplots()\naxes.set_title('$x^2$')\nplt.show()",
    )
    for cell in (plot, named):
        image = base64.b64decode(only(cell, "display_data").data["image/png"])
        assert image.startswith(b"\x89PNG")
        assert len(image) > 1000


def test_errors_have_a_traceback_and_stop_only_their_cell(launcher: Launcher) -> None:
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


def test_errors_whose_text_cannot_be_read_are_reported_too(launcher: Launcher) -> None:
    source = "class E(Exception):\n    def __str__(self): {}\nraise E()"
    cells = run(
        launcher, source.format("raise ValueError"), source.format("return '\\ud800'"),
        "print('\\ud800 half')", "type('\\udfff', (Exception,), {})", "print('whole')",
    )  # fmt: skip
    assert [cell.note for cell in cells] == [None] * 5
    assert [cell.outputs[0].ename for cell in cells[:2]] == ["E", "E"]
    assert text(cells[2]) == "? half\n"
    assert text(cells[4]) == "whole\n"


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


@pytest.mark.parametrize("spare", [-1, 0, 1, 99, 100, 101, 250])
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_cells_outputs_never_exceed_the_limit(spare: int, name: str) -> None:
    """Not even by what a stream or the note at the cut costs."""
    outputs = Outputs()
    outputs.start()
    outputs.write("stdout", "x" * (CELL_OUTPUT_BYTES - spare))
    outputs.write(name, "y" * 50)
    outputs.add(Output("display_data", data={"text/plain": "z"}))
    assert size_of(outputs.finish()) <= CELL_OUTPUT_BYTES
    assert outputs.finish()[-1].text == wording.OUTPUT_CUT


def test_a_notebooks_outputs_never_exceed_the_limit() -> None:
    outputs = Outputs()
    total = 0
    for number in range(60):
        outputs.start()
        outputs.write("stdout", "x" * (CELL_OUTPUT_BYTES // 4 + 7 * number))
        outputs.write("stderr", "x" * (CELL_OUTPUT_BYTES // 9))
        total += size_of(outputs.finish())
    assert NOTEBOOK_OUTPUT_BYTES - 1000 < total <= NOTEBOOK_OUTPUT_BYTES


def test_output_that_just_fits_is_not_cut() -> None:
    outputs = Outputs()
    outputs.start()
    outputs.write("stdout", "x" * (outputs.left - OUTPUT_COST))
    outputs.write("stdout", "")
    assert [x.text[-1:] for x in outputs.finish()] == ["x"]


def test_a_notebook_full_of_bombs_is_cut_as_a_whole(launcher: Launcher) -> None:
    cells = run(launcher, *["print('x' * 5_000_000)"] * 12, "print('last')")
    assert sum(size_of(cell.outputs) for cell in cells) < 17 * MIB
    assert cells[-1].note is None


def test_the_grader_limits_forged_outputs(launcher: Launcher) -> None:
    """Student code that answers in the shell's place need not respect the shell's limits."""
    forge = (
        "from autograder.core.records import Output\n"
        "big = [Output('stream', name='stdout', text='x' * 15_000_000)]\n"
        "get_ipython().outputs.finish = lambda: big"
    )
    cells = run(launcher, forge, *["1"] * 5)
    assert sum(size_of(cell.outputs) for cell in cells) < 40 * MIB
    assert [len(cell.outputs) for cell in cells] == [1, 1, 0, 0, 0, 0]
    assert cells[-1].note == "outputs left out: together they are over the limit"
