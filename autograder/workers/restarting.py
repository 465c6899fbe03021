"""The retry policy: a worker that dies over a submission is replaced, and the submission tried once more."""

from __future__ import annotations

from collections.abc import Callable

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, JobResult
from autograder.protocol.channel import DeadlineExceeded, ProtocolError
from autograder.workers.worker_process import WorkerProcess

ATTEMPTS = 2
DIED = "the worker process died twice over this submission"
HUNG = "the worker was still busy with this submission after twice the time limit and was stopped"


class RestartingWorker:
    """A worker process that is started when it is needed, and again after it was lost."""

    def __init__(self, start: Callable[[], WorkerProcess]) -> None:
        self._start = start
        self._process: WorkerProcess | None = None
        self._closed = False

    def start(self) -> WorkerProcess:
        """The running worker process; a new one if there is none."""
        if self._process is None:
            if self._closed:
                raise CourseError("the worker was closed over a submission.")
            self._process = self._start()
        return self._process

    def grade(self, job: GradeJob) -> JobResult:
        """Grade one submission. Losing the worker over it twice is an internal error.

        Raises CourseError when a worker cannot be started.
        """
        for _ in range(ATTEMPTS):
            process = self.start()
            try:
                return process.grade(job)
            except DeadlineExceeded:
                process.kill()
                self._drop()
                return JobResult(internal_errors=[HUNG])
            except ProtocolError:
                self._drop()
            except BaseException:  # Ctrl-C, say: the next job must not receive this one's result
                self._drop()
                raise
        return JobResult(internal_errors=[DIED])

    def close(self) -> None:
        """End the process for good; a job that is running fails."""
        self._closed = True
        self._drop()

    def _drop(self) -> None:
        """End the process, if there is one; the next job starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.close()
