"""Imports of what is not installed, in a real process: they cost only what uses them."""

from __future__ import annotations

import pytest

from autograder.core.records import CellRun
from autograder.process.launcher import Launcher
from autograder.process.proxy import Raised
from tests.engine.process.cells import only, run, text
from tests.engine.student.asked import asked

NAMED = "No module named 'seaborn' where notebooks are graded"


def failure(cell: CellRun) -> tuple[str, str]:
    error = only(cell, "error")
    return error.ename, error.evalue


def test_a_missing_package_costs_only_the_functions_that_use_it(launcher: Launcher) -> None:
    cells = [
        "import seaborn as sns, math\nfrom seaborn import heatmap\nfrom math import sqrt",
        "def plot(x): return sns.heatmap(x)",
        "def show(x): return heatmap(x)",
        "def root(x): return sqrt(x)",
    ]
    with asked(launcher, *cells) as notebook:
        assert notebook.root(4) == 2
        for name in ("plot", "show"):
            with pytest.raises(Raised) as caught:
                getattr(notebook, name)(1)
            assert (caught.value.kinds[0], caught.value.text) == ("ModuleNotFoundError", NAMED)
            assert caught.value.where.startswith(f"In [{2 if name == 'plot' else 3}], line 1")


def test_the_cell_says_what_is_missing_and_goes_on(launcher: Launcher) -> None:
    (cell,) = run(
        launcher, "import seaborn as sns\nsns.set_theme(\n    style='dark')\nsns.x.y = 1\nprint('below')"
    )
    assert text(cell) == "below\n"
    assert NAMED in text(cell, "stderr")
    assert "sns.set_theme(style='dark')" in text(cell, "stderr")
    assert "sns.x.y = 1" in text(cell, "stderr")


@pytest.mark.parametrize(
    "use",
    ["sns.x", "sns()", "sns + 1", "2 * sns", "sns[0]", "for _ in sns: pass", "len(sns)", "bool(sns)", "float(sns)",
     "sns == 1", "isinstance(1, sns)", "class A(sns): pass", "with sns: pass", "sns.x = 1", "f'{sns:3}'",
     "sns.__version__", "-sns", "1 in sns", "import numpy\nnumpy.array(sns)"],
)  # fmt: skip
def test_every_use_names_the_package(use: str) -> None:
    from autograder.student.missing_packages import Absent

    error = ModuleNotFoundError(NAMED, name="seaborn")
    with pytest.raises(ModuleNotFoundError, match=NAMED):
        exec(use, {"sns": Absent(error)})


def test_a_stand_in_can_be_looked_at(launcher: Launcher) -> None:
    shown, listed = run(launcher, "import seaborn as sns\nsns", "%whos")
    assert NAMED in only(shown, "execute_result").data["text/plain"]
    assert "sns" in text(listed)


def test_guarded_imports_raise_as_always(launcher: Launcher) -> None:
    guarded, suppressed, function, handler = run(
        launcher,
        "try:\n    import seaborn\n    found = True\nexcept ImportError:\n    found = False\nprint(found)",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import seaborn\nprint('seaborn' in dir())",
        "def f():\n    import seaborn\nf()",
        "try:\n    import seaborn\nexcept ImportError:\n    import seaborn\nprint('after')",
    )
    assert [text(cell) for cell in (guarded, suppressed)] == ["False\n"] * 2
    assert failure(function) == ("ModuleNotFoundError", "No module named 'seaborn'")
    assert text(handler) == "after\n"


def test_what_is_missing_from_a_package_that_is_there(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "from math import nothing, exp\nprint(exp(0))",
        "nothing(1)",
        "import torch.nothing\nprint(torch.ones(1).sum().item())",
        "import torch.nn.functional as F\nfrom torch.nn import functionl as F\nprint(F.relu is not None)",
        "from nothing_at_all import *\nprint('below')",
    )
    assert [text(cell) for cell in cells] == ["1.0\n", "", "1.0\n", "True\n", "below\n"]
    assert failure(cells[1])[0] == "ImportError"


def test_what_is_made_with_a_missing_package_is_missing_too(launcher: Launcher) -> None:
    cells = [
        "from numba import jit\nfrom seaborn import palette, FacetGrid as Grid\nfrom numpy import sqrt",
        "colors, other = palette(), 3",
        "@jit\ndef fast(x): return x\nclass Big(Grid):\n    def f(self): return 1\n"
        "def annotated(x: palette.Type = 1): return x\n"
        "for color in palette():\n    print(color)\n"
        "with palette('dark') as dark:\n    pass\n"
        "size: int = len(palette())\n"
        "colors += palette()\n"
        "def root(x): return sqrt(x)",
        "def color(): return colors[0]",
        "def big(): return Big().f()",
        "root(big) if False else fast(1)",
        "def after(): return float(root(4))",
    ]
    with asked(launcher, *cells) as notebook:
        assert notebook.after() == 2
        assert notebook.root(4) == 2
        for name, package in {
            "fast": "numba",
            "color": "seaborn",
            "big": "seaborn",
            "annotated": "seaborn",
        }.items():
            with pytest.raises(Raised) as caught:
                getattr(notebook, name)()
            assert caught.value.text == f"No module named '{package}' where notebooks are graded"


def test_an_error_of_another_kind_stops_its_cell(launcher: Launcher) -> None:
    _, own, indirect = run(
        launcher,
        "import seaborn as sns\ndef fails(x): raise ImportError('mine')\ndef zero(x): return 1 / 0",
        "colors = fails(sns)\nprint('below')",
        "colors = zero(sns)\nprint('below')",
    )
    assert [text(own), text(indirect)] == ["", ""]
    assert failure(own) == ("ImportError", "mine")
    assert failure(indirect)[0] == "ZeroDivisionError"


def test_a_missing_submodule_is_named_where_it_is_used(launcher: Launcher) -> None:
    cells = [
        "import os.nowhere, torch.nothing.at_all, torch.nn.functional.relu.nothing",
        "def first(): return os.nowhere.find()",
        "def second(): return torch.nothing.at_all.f(1)",
        "def third(): return [os.sep, float(torch.nn.functional.relu(torch.ones(1)))]",
    ]
    with asked(launcher, *cells) as notebook:
        for name, missing in (("first", "os.nowhere"), ("second", "torch.nothing")):
            with pytest.raises(Raised) as caught:
                getattr(notebook, name)()
            assert caught.value.kinds[0] == "ModuleNotFoundError"
            assert caught.value.text == f"No module named '{missing}' where notebooks are graded"
        assert notebook.third() == ["/", 1.0]


def test_imports_that_work_are_left_as_they_are(launcher: Launcher) -> None:
    cells = run(
        launcher,
        "from __future__ import annotations\nimport os.path, math as m\nfrom math import pi as p, e\nprint(m.pi == p)",
        "import numpy as np\nnp.arange(2)",
        "x = 1\nimport this_is_missing\n1 / 0",
    )
    assert text(cells[0]) == "True\n"
    assert only(cells[1], "execute_result").data["text/plain"] == "array([0, 1])"
    assert any("line 3" in line or "----> 3" in line for line in only(cells[2], "error").traceback)


def test_colab_does_nothing(launcher: Launcher) -> None:
    mounted, uploaded, dotted, in_function, shown, guarded = run(
        launcher,
        "from google.colab import drive, userdata\ndrive.mount('/content/drive')\nkey = userdata.get('KEY')",
        "from google.colab import files\nprint(len(files.upload()))\nfiles.download('x')",
        "import google.colab\ngoogle.colab.drive.mount('/content/drive')",
        "def up():\n    from google.colab import files\n    return files.upload()\nprint(up())",
        "from google.colab.patches import cv2_imshow\nfrom google.colab import output, auth\n"
        "cv2_imshow([1]); auth.authenticate_user(); output.clear()\nwith output.redirect_to_element('#x'): pass",
        "import sys\ntry:\n    import google.colab\n    IN_COLAB = True\n"
        "except ImportError:\n    IN_COLAB = False\nprint(IN_COLAB, 'google.colab' in sys.modules)",
    )
    assert [cell.outputs for cell in (mounted, dotted, shown)] == [[], [], []]
    assert [text(cell) for cell in (uploaded, in_function, guarded)] == ["0\n", "{}\n", "False False\n"]


def test_a_cell_that_is_nested_too_deeply_changes_nothing_for_the_others(launcher: Launcher) -> None:
    """IPython drops a transformer that raises."""
    deep = "x = 1\nif x == 0: pass\n" + "".join(f"elif x == {n}: y = {n}\n" for n in range(2, 1200))
    *_, last = run(launcher, deep, "import seaborn\nprint('below')")
    assert "below" in text(last, "stdout")
