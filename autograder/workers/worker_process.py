"""A worker process, seen from the process that hands out submissions."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.course.course import Course
from autograder.process.launcher import last_line
from autograder.protocol.channel import Channel, ChannelClosed, ProtocolError
from autograder.protocol.socket_inheritance import start_with_socket

START_SECONDS = 300.0
CLOSE_SECONDS = 10.0
MAX_FRAME = 2**30
"""Bytes of one job or result."""


class WorkerProcess:
    """One worker process: started at once, and waited for when its first job comes."""

    def __init__(self, config: WorkerConfig) -> None:
        settings = Course(Path(config.root), config.assignment).settings
        # Twice what a submission may take: after that the worker hangs.
        self._seconds = 2 * settings.time.submission
        self._log = TemporaryFile()  # noqa: SIM115  it lives as long as this object
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        argv = [sys.executable, "-P", "-m", "autograder.workers.worker"]
        self._process, ours = start_with_socket(argv, stderr=self._log, env={**os.environ, **threads})
        self._channel = Channel(ours, max_frame=MAX_FRAME)
        self.sentence = ""
        """What the sandbox enforces here; empty until the worker is ready."""
        with contextlib.suppress(ChannelClosed):  # wait() reports why
            self._channel.send(config)

    def wait(self) -> None:
        """Wait until the graders are collected. Raises CourseError when they cannot be."""
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
        """Raises ProtocolError when the worker died over the job, DeadlineExceeded when it hangs."""
        self.wait()
        self._channel.send(job, self._seconds)
        return self._channel.receive(JobResult, self._seconds)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Hang up, so that the worker ends by itself; kill it if it does not."""
        self._channel.close()
        try:
            self._process.wait(timeout=CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
