"""Run a submission's cells in a student's process, whatever they do to it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from autograder.core import wording
from autograder.core.gpu_errors import errors_in, gpu_out_of_memory, gpu_unusable
from autograder.core.records import CellRun, CodeCell
from autograder.core.settings import TimeLimits
from autograder.process.launcher import Launcher
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import ChannelClosed, DeadlineExceeded, ProtocolError
from autograder.protocol.messages import NOTEBOOK_OUTPUT_BYTES, CellDone, RunCell, size_of


@dataclass
class Run:
    """A notebook that has run, in full or in part, and its process, which is still running."""

    process: StudentProcess
    seconds_left: float
    device: str = "cpu"
    """Where its checks are asked: not on the GPU if the cells ran without one."""
    cells: dict[int, CellRun] = field(default_factory=dict)
    snapshots: dict[str, StudentProcess] = field(default_factory=dict)
    """A fork of the process for each exercise, taken just before its test cell, if a fork was possible."""
    next: int = 0
    """The index of the cell to run next."""
    output_left: int = 2 * NOTEBOOK_OUTPUT_BYTES
    """Characters still accepted. The shell limits outputs too, but student code can answer in its place."""

    def record(self, done: CellDone, note: str | None) -> None:
        self.output_left -= size_of(done.outputs)
        outputs = done.outputs if self.output_left >= 0 else []
        if not outputs and done.outputs:
            note = wording.OUTPUTS_LEFT_OUT
        self.cells[done.number] = CellRun(done.number, done.execution_count, outputs, note)


class CellRunner:
    """Runs the cells of one submission, as often as needed, each time in a new process."""

    def __init__(
        self,
        launcher: Launcher,
        cells: Sequence[CodeCell],
        seed: int,
        limits: TimeLimits,
        gpu_hidden: bool = False,
    ) -> None:
        self.launcher = launcher
        self.cells = cells
        self.seed = seed
        self.limits = limits
        self._gpu_hidden = gpu_hidden
        """Whether the cells run without the GPU, as asked or because one of them broke it for its process."""
        self._left_out: dict[int, str] = {}
        self._lost = 0
        self._unforkable: set[str] = set()

    def run(self, until: str = "") -> Run:
        """End the previous process and run the cells in a new one, in order.

        Stops just before the test cell of the exercise `until`, if there is one. If a cell ends the process
        or does not stop, runs the others again without it. Raises LauncherError if no process can be
        started.

        An error inside a kernel, such as an index out of range, leaves its process without a GPU, so it
        would fail every later cell. On a CPU it fails one cell: the cells run again as they do there.
        """
        seconds_left = self.limits.notebook
        while True:
            self.launcher.kill_tree()
            self.launcher.gpu_hidden = self._gpu_hidden
            process = self.launcher.spawn(self.seed, self.limits.question)
            run = Run(process, seconds_left, "cpu" if self._gpu_hidden else self.launcher.device)
            if self.resume(run, until):
                return run
            seconds_left = run.seconds_left

    def resume(self, run: Run, until: str = "") -> bool:
        """Run further cells. Returns False if the process was lost; the next run avoids what lost it."""
        deadline = time.monotonic() + run.seconds_left
        try:
            while run.next < len(self.cells):
                cell = self.cells[run.next]
                if cell.tests and cell.tests == until:
                    return True
                if not self._take_snapshot(run, cell):
                    return False
                lost = self._run_cell(run, cell, deadline)
                if self._gpu_hidden and run.device != "cpu":
                    return False
                if lost is not None:
                    self._leave_out(cell, lost)
                    return False
                run.next += 1
        finally:
            run.seconds_left = deadline - time.monotonic()
        return True

    def _take_snapshot(self, run: Run, cell: CodeCell) -> bool:
        """Fork the process before a test cell. Returns False if the process is gone."""
        if not cell.tests or cell.tests in self._unforkable:
            return True
        try:
            snapshot = run.process.fork()
        except ProtocolError:  # a thread ended the process, or blocks it
            self._unforkable.add(cell.tests)
            return False
        if snapshot is not None:
            run.snapshots[cell.tests] = snapshot
        return True

    def _run_cell(self, run: Run, cell: CodeCell, deadline: float) -> str | None:
        """Run one cell. Returns why it has to be left out, if it ended the process or did not stop."""
        if cell.number in self._left_out:
            run.cells[cell.number] = CellRun(cell.number, None, [], self._left_out[cell.number])
            return None
        seconds = min(self.limits.cell, deadline - time.monotonic())
        if seconds <= 0:
            note = wording.cell_not_run(self.limits.notebook)
            run.cells[cell.number] = CellRun(cell.number, None, [], note)
            return None
        try:
            done, interrupted = run.process.run_cell(
                RunCell(cell.number, cell.source), seconds, self.limits.grace
            )
        except DeadlineExceeded:
            return wording.cell_did_not_stop(seconds)
        except ChannelClosed:
            return wording.cell_ended_process(run.process.how_it_ended().did)
        except ProtocolError as error:
            return wording.cell_sent_invalid_response(str(error))
        errors = list(errors_in(done.outputs))
        if any(gpu_out_of_memory([kind], text) for kind, text in errors):
            run.process.out_of_gpu_memory()
        self._gpu_hidden |= any(gpu_unusable(text) for _, text in errors)
        run.record(done, wording.cell_interrupted(seconds) if interrupted else None)
        return None

    def _leave_out(self, cell: CodeCell, why: str) -> None:
        """Leave the cell out of the next run and, after too many of these, all that follow it."""
        self._left_out[cell.number] = why
        self._lost += 1
        if self._lost > self.limits.lost_cells:
            later = self.cells[self.cells.index(cell) + 1 :]
            self._left_out |= {x.number: wording.TOO_MANY_LEFT_OUT for x in later}


def run_cells(launcher: Launcher, cells: Sequence[CodeCell], seed: int, limits: TimeLimits) -> Run:
    """Run all cells once; see CellRunner."""
    return CellRunner(launcher, cells, seed, limits).run()
