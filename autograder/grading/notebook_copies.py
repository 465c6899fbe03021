"""Copies of a notebook, so that no exercise's checks can disturb another's.

An exercise is graded in the state just before its test cell ran. What later cells do to its names, to the
random state or to PyTorch's settings has no effect on it.
"""

from __future__ import annotations

from autograder.core import wording
from autograder.process.proxy import StudentLost
from autograder.process.remote_proxy import RemoteProxy
from autograder.process.run_cells import CellRunner, Run
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import ProtocolError

AT_END = ""
"""The state after the last cell."""


class NotebookCopies:
    """Provides a copy of the notebook at one place, and a new one when a copy has been lost.

    A place is an exercise, for the state just before its test cell, or AT_END. The first copy is the
    snapshot from when the cells ran. After a loss the notebook runs again up to the place, and further
    copies are forks of that process. Where forking is not safe (CUDA context, several threads, not Linux),
    that process itself is the copy; it goes on to the next place if the checks changed nothing in it.
    """

    def __init__(self, run: Run, runner: CellRunner) -> None:
        self.run = run
        self.runner = runner
        self.cells = run.cells
        """The outcome of each cell, by its number."""
        self.proxy: RemoteProxy | None = None
        self._place = AT_END
        self._copy: StudentProcess | None = None

    @property
    def device(self) -> str:
        """Where the current copy's checks are asked: on the CPU if its cells ran without the GPU."""
        return self.run.device

    def move_to(self, place: str) -> None:
        """Choose the place of the next copy."""
        self._place = place

    def leave(self) -> None:
        """End the current copy, if there is one."""
        if self._copy is not None:
            self._copy.end()
        elif self.proxy is not None and not self.proxy.lost and self.proxy.untouched():
            self.run.process.stop_serving()
        self._copy = self.proxy = None

    def get(self) -> RemoteProxy:
        """Return the current copy, or a new one if there is none or its process was lost.

        Raises StudentLost if the notebook's process does not answer even after another run.
        """
        if self.proxy is None or self.proxy.lost:
            self.leave()
            try:
                self.proxy = self._new_copy()
            except ProtocolError:  # student code blocks or killed the process: run the notebook again, once
                self.run = self.runner.run(until=self._place)
                try:
                    self.proxy = self._new_copy()
                except ProtocolError:
                    raise StudentLost("raised", wording.PROCESS_SILENT) from None
        return self.proxy

    def _new_copy(self) -> RemoteProxy:
        self._copy = self.run.snapshots.pop(self._place, None)
        if self._copy is None:
            if not self._at_place():
                self.run = self.runner.run(until=self._place)
            self._copy = self.run.process.fork()
        return (self._copy or self.run.process).serve()

    def _at_place(self) -> bool:
        """Whether the process that runs the cells is at the place, after running further cells if need be."""
        if self.run.process.serving:
            return False
        ahead = [cell.tests for cell in self.runner.cells[self.run.next :]]
        if self._place != AT_END and self._place not in ahead:
            return False
        return self.runner.resume(self.run, until=self._place)
