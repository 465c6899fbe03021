"""Run a submission's cells in a student's process, whatever they do to it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from autograder.core import wording
from autograder.core.records import CellRun, CodeCell
from autograder.core.settings import TimeLimits
from autograder.process.launcher import Launcher
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import ChannelClosed, DeadlineExceeded, ProtocolError
from autograder.protocol.messages import NOTEBOOK_OUTPUT_BYTES, CellDone, RunCell, size_of


@dataclass
class Run:
    """A notebook that has run, and its process, which is still running."""

    process: StudentProcess
    cells: dict[int, CellRun] = field(default_factory=dict)
    output_left: int = 2 * NOTEBOOK_OUTPUT_BYTES
    """Characters still accepted. The shell limits outputs too, but student code can answer in its place."""

    def record(self, done: CellDone, note: str | None) -> None:
        self.output_left -= size_of(done.outputs)
        outputs = done.outputs if self.output_left >= 0 else []
        if not outputs and done.outputs:
            note = wording.OUTPUTS_LEFT_OUT
        self.cells[done.number] = CellRun(done.number, done.execution_count, outputs, note)


def run_cells(launcher: Launcher, cells: list[CodeCell], seed: int, limits: TimeLimits) -> Run:
    """Run the cells in order. If a cell ends the process or does not stop, run the others again without it.

    Raises LauncherError if no process can be started.
    """
    left_out: dict[int, str] = {}
    deadline = time.monotonic() + limits.notebook
    while True:
        started = time.monotonic()
        run = Run(launcher.spawn(seed, limits.question))
        deadline += time.monotonic() - started  # the wait for a process does not count as the notebook's time
        lost = _run_once(run, cells, left_out, limits, deadline)
        if lost is None:
            return run
        launcher.kill_tree()
        left_out[lost.number] = lost.note or ""
        if len(left_out) > limits.lost_cells:
            left_out |= {
                cell.number: wording.TOO_MANY_LEFT_OUT for cell in cells if cell.number > lost.number
            }


def _run_once(
    run: Run, cells: list[CodeCell], left_out: dict[int, str], limits: TimeLimits, deadline: float
) -> CellRun | None:
    """Run all cells that are not left out; return the cell that ended the process or did not stop, if any."""
    for cell in cells:
        if cell.number in left_out:
            run.cells[cell.number] = CellRun(cell.number, None, [], left_out[cell.number])
            continue
        seconds = min(limits.cell, deadline - time.monotonic())
        if seconds <= 0:
            note = wording.cell_not_run(limits.notebook)
            run.cells[cell.number] = CellRun(cell.number, None, [], note)
            continue
        message = RunCell(cell.number, cell.source, cell.given)
        try:
            done, interrupted = run.process.run_cell(message, seconds, limits.grace)
        except DeadlineExceeded:
            return CellRun(cell.number, None, [], wording.cell_did_not_stop(seconds))
        except ChannelClosed:
            note = wording.cell_ended_process(run.process.ending(None).did)
            return CellRun(cell.number, None, [], note)
        except ProtocolError as error:
            return CellRun(cell.number, None, [], wording.cell_sent_invalid_response(str(error)))
        run.record(done, wording.cell_interrupted(seconds) if interrupted else None)
    return None
