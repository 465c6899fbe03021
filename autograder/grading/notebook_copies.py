"""TODO grading.copies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from autograder.core import wording
from autograder.core.records import CheckRun
from autograder.process.proxy import StudentLost
from autograder.process.remote_proxy import RemoteProxy
from autograder.process.run_cells import Run
from autograder.process.student_process import Copy
from autograder.protocol.channel import ProtocolError

LASTING = {"grad mode", "default dtype"}  # every question has random states of its own


class NotebookCopies:
    """Hands out a living copy of the notebook's state; makes a fresh one after a copy was lost.

    A copy is a fork of the notebook's process. Where that is not safe (a CUDA context, more threads than
    one, no Linux) it is the notebook run again in a fresh process.
    """

    def __init__(self, run: Run, run_again: Callable[[], Run]) -> None:
        self.run = run
        self.run_again = run_again
        self.copy: Copy | None = None
        self.proxy: RemoteProxy | None = None
        self.used = False
        """Whether an exercise has been asked in the copy at hand."""

    def kept(self, runs: list[CheckRun]) -> bool:
        """Keep the copy for the next exercise, if these checks have left it as it was."""
        changes = {name for run in runs for exchange in run.exchanges for name in exchange.changed}
        proxy = self.proxy
        if proxy is None or proxy.lost or changes & LASTING or not proxy.untouched():
            self.end()
        else:
            self.used = True
        return self.used

    def living(self) -> RemoteProxy:
        if self.proxy is None or self.proxy.lost:
            self.end()
            try:
                self.proxy = self._fresh()
            except ProtocolError:  # the student's code hangs on to the process: run the notebook again, once
                self._run_again()
                try:
                    self.proxy = self._fresh()
                except ProtocolError:
                    raise StudentLost("raised", wording.PROCESS_SILENT) from None
        return self.proxy

    def _fresh(self) -> RemoteProxy:
        if self.run.process.serving:
            self._run_again()
        if self.run.process.forkable():
            self.copy = self.run.process.fork()
            return self.copy.proxy
        return self.run.process.serve()

    def _run_again(self) -> None:
        self.run.process = self.run_again().process

    def end(self) -> None:
        if self.copy is not None:
            with contextlib.suppress(ProtocolError):
                self.run.process.end_fork(self.copy)
        self.copy = self.proxy = None
        self.used = False
