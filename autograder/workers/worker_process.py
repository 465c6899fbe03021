"""A worker process as seen by the process that sends it submissions."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.core.settings import TimeLimits
from autograder.course.course import Course
from autograder.protocol.channel import Channel, ChannelClosed, ProtocolError
from autograder.protocol.socket_inheritance import last_line, start_with_socket

START_SECONDS = 300.0
CLOSE_SECONDS = 10.0
MAX_FRAME = 2**30
"""Bytes of one message to or from a worker: a job or a result."""


def job_seconds(limits: TimeLimits, device: str) -> float:
    """How long to wait for a worker's result: twice as long as it may take by the limits that it enforces.

    On a GPU it may grade a submission twice, each time within the limits.
    """
    return 2 * limits.submission * (1 if device == "cpu" else 2)


class WorkerProcess:
    """One worker process. It starts at once; `wait`, or the first job, waits until it is ready."""

    def __init__(self, config: WorkerConfig) -> None:
        settings = Course(Path(config.root), config.assignment).settings
        self._job_seconds = job_seconds(settings.time, config.device)
        self._log = TemporaryFile()  # noqa: SIM115  it lives as long as this object
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        argv = [sys.executable, "-P", "-m", "autograder.workers.worker"]
        self._process, sock = start_with_socket(argv, stderr=self._log, env={**os.environ, **threads})
        self._channel = Channel(sock, max_frame=MAX_FRAME)
        self.sentence = ""
        """What the worker's sandbox enforces, in one line; empty until the worker is ready."""
        with contextlib.suppress(ChannelClosed):  # wait() reports why
            self._channel.send(config)

    def wait(self) -> None:
        """Wait until the worker is ready. Raises CourseError if it cannot start."""
        if self.sentence:
            return
        try:
            self.sentence = self._channel.receive(str, START_SECONDS)
        except ProtocolError as error:
            self.close()
            raise CourseError(f"a worker did not start ({last_line(self._log) or error}).") from None
        if self.sentence.startswith("error: "):
            raise CourseError(self.sentence.removeprefix("error: "))

    def grade(self, job: GradeJob) -> JobResult:
        """Grade one submission.

        Raises ProtocolError if the worker dies meanwhile, DeadlineExceeded if it hangs, and CourseError if it
        cannot start.
        """
        self.wait()
        self._channel.send(job, self._job_seconds)
        return self._channel.receive(JobResult, self._job_seconds)

    def kill(self) -> None:
        """Kill the process without waiting for it."""
        self._process.kill()

    def close(self) -> None:
        """Close the channel, which ends the worker; kill it if it does not end within CLOSE_SECONDS."""
        self._channel.close()
        try:
            self._process.wait(timeout=CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
