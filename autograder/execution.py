"""Run a submission's cells in a student's process, whatever they do."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import msgspec

from autograder.inside.messages import NOTEBOOK_OUTPUT_BYTES, CellDone, Output, RunCell, size_of
from autograder.nurseries import Nursery
from autograder.student import StudentProcess
from autograder.wire import Closed, Late, WireError


class TimeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a submission may take, in seconds of wall-clock time."""

    cell: float = 30.0
    grace: float = 2.0
    notebook: float = 300.0
    question: float = 15.0
    exercise: float = 60.0
    submission: float = 1800.0
    lost_cells: int = 4


class Cell(msgspec.Struct, frozen=True):
    """A code cell to run; `number` is its place in the submitted notebook."""

    number: int
    source: str
    given: bool = False
    """Whether it stands there as it was released: not the student's own."""


class CellRun(msgspec.Struct, frozen=True):
    """What a cell put out; `note` says in one sentence why it was stopped or left out."""

    number: int
    execution_count: int | None
    outputs: list[Output]
    note: str | None = None


@dataclass
class Run:
    """A notebook that has been run, and its living process."""

    process: StudentProcess
    cells: dict[int, CellRun] = field(default_factory=dict)
    room: int = 2 * NOTEBOOK_OUTPUT_BYTES
    """For outputs; the shell keeps to its bounds, but who answers in its place need not."""

    def record(self, done: CellDone, note: str | None) -> None:
        self.room -= size_of(done.outputs)
        outputs = done.outputs if self.room >= 0 else []
        if not outputs and done.outputs:
            note = "its outputs were left out: together they are over the limit"
        self.cells[done.number] = CellRun(done.number, done.execution_count, outputs, note)


def run_cells(nursery: Nursery, cells: list[Cell], seed: int, limits: TimeLimits) -> Run:
    """Run the cells in order. A cell that takes the process down is left out and the rest run again."""
    left_out: dict[int, str] = {}
    deadline = time.monotonic() + limits.notebook
    while True:
        asked = time.monotonic()
        run = Run(nursery.spawn(seed, limits.question))
        deadline += time.monotonic() - asked  # waiting for a process is not the notebook's time
        lost = _attempt(run, cells, left_out, limits, deadline)
        if lost is None:
            return run
        nursery.sweep()
        left_out[lost.number] = lost.note or ""
        if len(left_out) > limits.lost_cells:
            left_out |= {
                cell.number: "not run: too many cells before it had to be left out"
                for cell in cells
                if cell.number > lost.number
            }


def _attempt(
    run: Run, cells: list[Cell], left_out: dict[int, str], limits: TimeLimits, deadline: float
) -> CellRun | None:
    """Run all cells that are not left out; returns the cell that was the end of the process, if one was."""
    for cell in cells:
        if cell.number in left_out:
            run.cells[cell.number] = CellRun(cell.number, None, [], left_out[cell.number])
            continue
        seconds = min(limits.cell, deadline - time.monotonic())
        if seconds <= 0:
            note = f"not run: the notebook had used up its {limits.notebook:g} s"
            run.cells[cell.number] = CellRun(cell.number, None, [], note)
            continue
        message = RunCell(cell.number, cell.source, cell.given)
        try:
            done, interrupted = run.process.run_cell(message, seconds, limits.grace)
        except Late:
            note = f"left out: it did not stop after {seconds:.3g} s, not even when interrupted"
            return CellRun(cell.number, None, [], note)
        except Closed:
            return CellRun(cell.number, None, [], "left out: it ended the Python process")
        except WireError as error:
            return CellRun(cell.number, None, [], f"left out: the process answered nonsense ({error})")
        run.record(done, f"interrupted after {seconds:.3g} s" if interrupted else None)
    return None
