"""The retry policy, the same for every engine.

A worker that dies is replaced, and its submission tried once more: the machine may have killed it. One that
hangs is stopped, and its submission is not tried again: it would most likely take as long again. What cannot
be sent to a worker, or from it, is not tried again either.
"""

from __future__ import annotations

from collections.abc import Callable

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, JobResult
from autograder.protocol.channel import ChannelClosed, DeadlineExceeded, ProtocolError
from autograder.workers.worker_process import WorkerProcess

ATTEMPTS = 2
DIED = "the worker process died twice while grading this submission"
HUNG = "the worker was still busy after twice the time that a submission may take and was stopped"


class RestartingWorker:
    """A worker process that starts when it is needed, and again after it has died."""

    def __init__(self, start: Callable[[], WorkerProcess]) -> None:
        self._start = start
        self._process: WorkerProcess | None = None
        self._closed = False

    def start(self) -> WorkerProcess:
        """Return the running worker process, after starting one if there is none. Does not wait for it.

        Raises CourseError after `close`.
        """
        if self._process is None:
            if self._closed:
                raise CourseError("the worker was closed while it graded a submission.")
            self._process = self._start()
        return self._process

    def grade(self, job: GradeJob) -> JobResult:
        """Grade one submission. If the worker cannot, see above, the result is an internal error.

        Raises CourseError if no worker can be started.
        """
        for _ in range(ATTEMPTS):
            process = self.start()
            try:
                return process.grade(job)
            except DeadlineExceeded:
                process.kill()
                self._drop()
                return JobResult(internal_errors=[HUNG])
            except ChannelClosed:
                self._drop()
            except ProtocolError as error:
                self._drop()
                return JobResult(internal_errors=[f"a submission or its result cannot be sent: {error}"])
            except BaseException:  # e.g. Ctrl-C: the next job must not receive this one's result
                self._drop()
                raise
        return JobResult(internal_errors=[DIED])

    def close(self) -> None:
        """End the process for good. A job that is running fails."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        """End the process, if there is one; the next job starts a new one."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
