"""Run pytest so that only the files in tests/<assignment>/ decide which checks there are.

A course is graded on many machines, in shells with settings of their own. A variable that selects checks, an
installed plugin that shuffles or skips, a pytest.ini, a conftest.py above the graders: each of them would
change grades without a word.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.core.errors import GraderError

PLUGINS = (
    "autograder.grading.fixtures",
    "no:terminal",
    "no:cacheprovider",
    "no:logging",
    "no:faulthandler",
    "no:subtests",
)
INI = {
    "norecursedirs": "__pycache__ .ipynb_checkpoints",  # pytest's default skips exercises named dist or build
    "empty_parameter_set_mark": "fail_at_collect",
}
RETURNS = "error::pytest.PytestReturnNotNoneWarning"  # `return a == b` would pass, whatever a is


def run_sealed(folder: Path, plugins: Sequence[object]) -> int:
    """Run pytest on the graders in `folder` and return its exit code.

    Nothing else that pytest reads has an effect: no variable, no installed plugin, no settings file and no
    conftest.py outside `folder`. Raises GraderError if Python itself drops assertions.
    """
    if sys.flags.optimize:
        raise GraderError(
            "Python runs with -O, which drops the graders' assertions: unset PYTHONOPTIMIZE and start it"
            " without -O."
        )
    options = [word for plugin in PLUGINS for word in ("-p", plugin)]
    options += [word for name, value in INI.items() for word in ("-o", f"{name}={value}")]
    options += ["-s", "-c", os.devnull, f"--rootdir={folder.parent.parent}", f"--confcutdir={folder}"]
    options += ["--import-mode=prepend", "-W", RETURNS, "."]
    with _without_variables():
        return int(pytest.main(options, plugins=[_StartedIn(folder), *plugins]))


class _StartedIn:
    """A pytest plugin: as if pytest had been started in `folder`, so that no argument has to name it.

    pytest reads `[` and `::` in an argument as the beginning of a test's name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: pytest.Config) -> None:
        given = early_config.invocation_params
        early_config.invocation_params = pytest.Config.InvocationParams(
            args=given.args, plugins=given.plugins, dir=self._folder
        )


@contextmanager
def _without_variables() -> Iterator[None]:
    """Hide every environment variable that pytest reads: PYTEST_ADDOPTS, PYTEST_PLUGINS, PY_COLORS, …"""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(("PYTEST_", "PY_"))}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith(("PYTEST_", "PY_"))]:
            del os.environ[name]
        os.environ.update(hidden)
