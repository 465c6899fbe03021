"""Copies of a notebook's state, so that no exercise's checks can disturb another's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from autograder.core import wording
from autograder.core.records import CheckRun
from autograder.process.proxy import StudentLost
from autograder.process.remote_proxy import RemoteProxy
from autograder.process.run_cells import Run
from autograder.process.student_process import NotebookFork
from autograder.protocol.channel import ProtocolError

# Changes that outlive a request. Random states do not: they are set anew for each.
PERSISTENT_CHANGES = {"grad mode", "default dtype"}


class NotebookCopies:
    """Provides a copy of the notebook's state, and a new one after a copy has been lost or discarded.

    A copy is a fork of the notebook's process. Where forking is not safe (CUDA context, several threads,
    not Linux), it is a new process in which the notebook is run again.
    """

    def __init__(self, run: Run, rerun: Callable[[], Run]) -> None:
        self.run = run
        self.rerun = rerun
        self.copy: NotebookFork | None = None
        self.proxy: RemoteProxy | None = None
        self.in_use = False
        """Whether the current copy has run the checks of an exercise."""

    def keep_if_unchanged(self, runs: list[CheckRun]) -> bool:
        """Keep the current copy for the next exercise if these checks left it unchanged; else discard it.

        Returns whether it was kept.
        """
        changes = {name for run in runs for exchange in run.exchanges for name in exchange.changed}
        proxy = self.proxy
        if proxy is None or proxy.lost or changes & PERSISTENT_CHANGES or not proxy.untouched():
            self.discard()
        else:
            self.in_use = True
        return self.in_use

    def get(self) -> RemoteProxy:
        """Return the current copy, or a new one if there is none or its process was lost.

        Raises StudentLost if the notebook's process does not answer even after a second run.
        """
        if self.proxy is None or self.proxy.lost:
            self.discard()
            try:
                self.proxy = self._new_copy()
            except ProtocolError:  # student code blocks the process: run the notebook again, once
                self._rerun()
                try:
                    self.proxy = self._new_copy()
                except ProtocolError:
                    raise StudentLost("raised", wording.PROCESS_SILENT) from None
        return self.proxy

    def discard(self) -> None:
        """End the current copy, if there is one."""
        if self.copy is not None:
            with contextlib.suppress(ProtocolError):
                self.run.process.end_fork(self.copy)
        self.copy = self.proxy = None
        self.in_use = False

    def _new_copy(self) -> RemoteProxy:
        if self.run.process.serving:
            self._rerun()
        if self.run.process.forkable():
            self.copy = self.run.process.fork()
            return self.copy.proxy
        return self.run.process.serve()

    def _rerun(self) -> None:
        self.run.process = self.rerun().process
