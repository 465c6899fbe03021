"""What the tests of cells share: run them in a student's process, and read their outputs."""

from __future__ import annotations

import time

from autograder.core.limits import MIB, Limits
from autograder.core.records import CellRun, CodeCell, Output
from autograder.core.settings import TimeLimits
from autograder.process.launcher import Launcher
from autograder.process.run_cells import run_cells

LIMITS = Limits(memory_bytes=600 * MIB, cpu_seconds=60, processes=32, tmp_bytes=64 * MIB)
PATIENT = TimeLimits(cell=60, grace=3, notebook=120)
HASTY = TimeLimits(cell=1.5, grace=1.0, notebook=60)


def run(launcher: Launcher, *sources: str, limits: TimeLimits = PATIENT) -> list[CellRun]:
    """Run the cells; return their outputs, in order. Whatever they do, this ends within two minutes."""
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
    """The cell's only output of this kind."""
    (found,) = [output for output in cell.outputs if output.kind == kind]
    return found
