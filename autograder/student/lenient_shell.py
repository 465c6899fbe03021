"""A shell in which a line about the student's own computer costs nothing. Runs in the student's process.

Notebooks install packages, choose interactive plots and load extensions. None of that works where notebooks
are graded, and none of it is part of an exercise. So such a line prints what is wrong and the cell goes on.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from matplotlib.backends.registry import backend_registry

from autograder.core import wording

INLINE = "module://matplotlib_inline.backend_inline"
# The backends that draw without a window; `%matplotlib` knows the second ones by a shorter name.
DRAWING = {"agg", "cairo", "pdf", "pgf", "ps", "svg", "template", INLINE, "inline"}
# Line magics that run the student's own code: what that raises is the cell's error.
RUNS_CODE = {"time", "timeit", "prun", "run", "debug", "recall", "rerun", "macro", "edit", "memit", "mprun"}
INSTALLERS = ("pip", "conda", "mamba", "micromamba", "uv")
_INSTALLS = re.compile(
    r"\s*(sudo\s+)?"
    r"(\S*/)?(pip[\d.]*|['\"]?\S*python[\d.]*['\"]?\s+-m\s+(pip|uv)|uv|conda|mamba|micromamba|apt|apt-get|brew|npm)"
    r"(\s+\S+)*?\s+(install|add|update|upgrade|download)\b"
)


class LenientShell(InteractiveShell):  # type: ignore[misc]  # IPython's classes are untyped traitlets
    """An InteractiveShell for notebooks that were written for another computer."""

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        if magic_name in INSTALLERS and self._installs(f"{magic_name} {line}"):
            return None
        try:
            return super().run_line_magic(magic_name, line, _stack_depth=_stack_depth + 1)
        except Exception as error:
            if magic_name in RUNS_CODE or self._is_own_magic(magic_name):
                raise
            _warn(wording.line_left_out(f"%{magic_name} {line}".strip(), str(error)))
            return None

    def _is_own_magic(self, name: str) -> bool:
        """Whether the notebook itself defines this magic."""
        magic = self.find_line_magic(name)
        return getattr(magic, "__module__", None) == "__main__"

    def magic(self, arg_s: str) -> Any:
        """`get_ipython().magic("reset -f")`, which IPython had before version 9."""
        name, _, line = arg_s.lstrip("%").partition(" ")
        return self.run_line_magic(name, line.strip(), _stack_depth=2)

    def run_cell_magic(self, magic_name: str, line: str, cell: str) -> Any:
        if self.find_cell_magic(magic_name) is not None:
            return super().run_cell_magic(magic_name, line, cell)
        runs = magic_name != "skip" and _is_python(cell)
        _warn(wording.unknown_cell_magic(magic_name, runs))
        if runs:
            self.run_cell(cell)
        return None

    def enable_matplotlib(self, gui: str | None = None) -> Any:
        """`%matplotlib gui`: plots always appear in the notebook."""
        if gui is None or gui.lower() not in DRAWING:
            if gui is not None:
                _warn(wording.plots_are_inline(gui))
            gui = "inline"
        return super().enable_matplotlib(gui)

    def enable_gui(self, gui: Any = None) -> None:
        """There is no event loop to join."""

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """`names = !cmd`"""
        if self._installs(self.var_expand(cmd, depth=depth + 1)):
            return SList()
        return super().getoutput(cmd, split=split, depth=depth + 1)

    def _installs(self, command: str) -> bool:
        """Whether the command would install something; if so, say that it does not."""
        if not _INSTALLS.match(command):
            return False
        _warn(wording.not_installed(command.strip()))
        return True


def draw_inline() -> None:
    """Have `matplotlib.use("TkAgg")` and `plt.switch_backend` say that plots appear in the notebook."""
    matplotlib.use = _drawing(matplotlib.use)
    plt.switch_backend = _drawing(plt.switch_backend)


def _drawing(switch: Callable[..., None]) -> Callable[..., None]:
    """The function that chooses a backend, without those that need a window or a browser."""

    @wraps(switch)
    def choose(backend: Any, **options: Any) -> None:
        if isinstance(backend, str) and _needs_a_window(backend):
            _warn(wording.plots_are_inline(backend))
        else:
            switch(backend, **options)

    return choose


def _needs_a_window(backend: str) -> bool:
    return backend.lower() not in DRAWING and (
        backend.startswith("module://") or backend.lower() in backend_registry.list_builtin()  # type: ignore[no-untyped-call]
    )


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _is_python(cell: str) -> bool:
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError):
        return False
    return True
