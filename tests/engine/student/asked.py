"""Run cells in a student's process, then ask what they define."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autograder.core.records import CodeCell
from autograder.process.launcher import Launcher
from autograder.process.remote_proxy import RemoteProxy
from autograder.process.run_cells import run_cells
from tests.engine.process.cells import PATIENT


@contextmanager
def asked(launcher: Launcher, *sources: str) -> Iterator[RemoteProxy]:
    """A proxy for the notebook that these cells leave."""
    cells = [CodeCell(number, source) for number, source in enumerate(sources)]
    try:
        with run_cells(launcher, cells, seed=7, limits=PATIENT).process.answering() as proxy:
            yield proxy
    finally:
        launcher.kill_tree()
