"""Magics and commands that are meant for the student's own computer, in a real process."""

from __future__ import annotations

import pytest

from autograder.process.launcher import Launcher
from tests.engine.process.cells import only, run, text

# Lines that fail here, and a word of what is said about each.
LEFT_OUT = {
    "%matplotlib widget": "plots are shown",
    "%matplotlib notebook": "plots are shown",
    "%matplotlib tk": "plots are shown",
    "%matplotlib qt": "plots are shown",
    "import matplotlib; matplotlib.use('TkAgg')": "plots are shown",
    "import matplotlib; matplotlib.use('module://ipympl.backend_nbagg')": "plots are shown",
    "import matplotlib.pyplot as plt; plt.switch_backend('Qt5Agg')": "plots are shown",
    "%load_ext tensorboard": "No module named",
    "%reload_ext nb_black": "No module named",
    "%tensorboard --logdir runs": "not found",
    "%autosave 60": "not found",
    "%store -r x": "not found",
    "%env NO_SUCH_VARIABLE": "NO_SUCH_VARIABLE",
    "%pip install -q seaborn": "nothing can be installed",
    "%conda install -y seaborn": "nothing can be installed",
    "!pip install seaborn": "nothing can be installed",
    "!pip3 install --upgrade pip > /dev/null": "nothing can be installed",
    "import sys\n!{sys.executable} -m pip install seaborn": "nothing can be installed",
    "!python -m pip install seaborn": "nothing can be installed",
    "!conda install -c conda-forge seaborn": "nothing can be installed",
    "!sudo apt-get update && apt-get install -y graphviz": "nothing can be installed",
    "installed = !pip install seaborn": "nothing can be installed",
}


def test_a_program_s_python_is_the_notebook_s(launcher: Launcher) -> None:
    (cell,) = run(
        launcher,
        "import sys\nprefixes = !python -c 'import numpy, sys; print(sys.prefix)'\nprint(prefixes == [sys.prefix])",
    )
    assert text(cell) == "True\n"


def test_such_a_line_says_what_is_wrong_and_the_cell_goes_on(launcher: Launcher) -> None:
    cells = run(launcher, *(f"{line}\nprint('below')" for line in LEFT_OUT))
    for (line, word), cell in zip(LEFT_OUT.items(), cells, strict=True):
        assert text(cell) == "below\n", line
        assert word in text(cell, "stderr"), line
        assert [x.kind for x in cell.outputs] == ["stream"] * 2, line


def test_plots_are_inline_whatever_was_asked_for(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "%matplotlib notebook\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);",
        "import matplotlib\nmatplotlib.use('WebAgg')\nplt.plot([1, 2])\nplt.show()",
        "%pylab tk\nplot([1, 2]);",
    )
    assert all("image/png" in only(cell, "display_data").data for cell in cells)


def test_installing_by_other_means_fails_without_waiting_for_a_network(launcher: Launcher) -> None:
    (cell,) = run(
        launcher,
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'pip', 'install', 'seaborn'], capture_output=True)\n"
        "print(b'from versions: none' in done.stderr, b'Retrying' in done.stderr)",
    )
    assert text(cell) == "True False\n"


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("%time 1 / 0", "ZeroDivisionError"),
        ("%timeit -n1 -r1 1 / 0", "ZeroDivisionError"),
        ("%prun 1 / 0", "ZeroDivisionError"),
        ("%%time\n1 / 0", "ZeroDivisionError"),
        ("%%capture\n1 / 0", "ZeroDivisionError"),
        ("%mine", "ZeroDivisionError"),
        ("%matplotlib widget\n1 / 0", "ZeroDivisionError"),
    ],
)
def test_errors_in_the_students_own_code_stay_errors(launcher: Launcher, cell: str, error: str) -> None:
    own = (
        "from IPython.core.magic import register_line_magic\n"
        "@register_line_magic\ndef mine(line): return 1 / 0"
    )
    _, failed = run(launcher, own, f"{cell}\nprint('below')" if cell[:2] != "%%" else cell)
    assert only(failed, "error").ename == error
    assert "below" not in text(failed)


def test_unknown_cell_magics(launcher: Launcher) -> None:
    python, other, skipped, names = run(
        launcher,
        "%%heat\nx = 5",
        "%%sql\nSELECT 1 FROM t",
        "%%skip\ny = 5",
        "print('x' in dir(), 'y' in dir())",
    )
    assert "run without it" in text(python, "stderr")
    assert "not run" in text(other, "stderr")
    assert "not run" in text(skipped, "stderr")
    assert text(names) == "True False\n"


def test_the_old_way_to_call_a_magic(launcher: Launcher) -> None:
    reset, names, plots = run(
        launcher, "x = 1\nget_ipython().magic('reset -sf')", "print('x' in dir())",
        "get_ipython().magic('%matplotlib qt')\nprint('below')",
    )  # fmt: skip
    assert [text(cell) for cell in (reset, names, plots)] == ["", "False\n", "below\n"]


def test_compiled_functions_run_as_they_are(launcher: Launcher) -> None:
    source = "import torch\ndouble = torch.compile(lambda x: 2 * x)\nprint(double(torch.ones(1)).item())"
    (cell,) = run(launcher, source)
    assert text(cell) == "2.0\n"


def test_variables_in_magics_are_those_of_the_notebook(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "word = 'seen'\n%env WORD=$word\n!echo {word}\nfound = !echo $word\nprint(found)",
        "def f():\n    inner = 'inside'\n    return get_ipython().getoutput('echo {inner}')\nprint(f())",
    )
    assert text(cells[0]) == "env: WORD=seen\nseen\n['seen']\n"
    assert text(cells[1]) == "['inside']\n"
