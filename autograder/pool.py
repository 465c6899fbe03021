"""Several workers, each a process of its own; whoever is free takes the next submission."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TypeVar

import msgspec

from autograder.course import Course
from autograder.errors import CourseError
from autograder.handover import start_with_socket
from autograder.nurseries.base import last_line
from autograder.sandbox import SLOTS
from autograder.wire import Channel, Closed, Late, WireError
from autograder.worker import Done, Job, Start

START_SECONDS = 300.0
CLOSE_SECONDS = 10.0
Tag = TypeVar("Tag")


class Worker:
    """One worker process, started at once and waited for when its first job comes."""

    def __init__(self, start: Start) -> None:
        # Twice what a submission may take: past that, something of ours does not come to an end.
        settings = Course(Path(start.root), start.assignment).settings
        self._seconds = 2 * settings.time.submission
        self._log = TemporaryFile()  # noqa: SIM115  it lives as long as this object
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        argv = [sys.executable, "-P", "-m", "autograder.worker"]
        self._process, ours = start_with_socket(argv, stderr=self._log, env={**os.environ, **threads})
        self._channel = Channel(ours, max_frame=2**30)
        self.sentence = ""
        with contextlib.suppress(Closed):  # wait() says why
            self._channel.send(start)

    def wait(self) -> None:
        """Wait for the graders to be collected; raises CourseError when they cannot be."""
        if self.sentence:
            return
        try:
            self.sentence = self._channel.receive(str, START_SECONDS)
        except WireError as error:
            self.close()
            raise CourseError(f"a worker did not start ({last_line(self._log) or error}).") from None
        if self.sentence.startswith("error: "):
            raise CourseError(self.sentence.removeprefix("error: "))

    def do(self, job: Job) -> Done:
        """Raises WireError when the worker died over it, Late when it does not come to an end."""
        self.wait()
        self._channel.send(job, self._seconds)
        return self._channel.receive(Done, self._seconds)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Hang up and wait for the process to see it; one that does not is killed."""
        self._channel.close()
        try:
            self._process.wait(timeout=CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Pool:
    """Does jobs on several workers and yields them as they are done."""

    def __init__(self, start: Start, jobs: int) -> None:
        cores = available_cores()
        # Where every processor has a worker, each stays on its own; else they go where there is room.
        self._starts = [
            msgspec.structs.replace(
                start,
                slots=(number % SLOTS, jobs),
                core=cores[number % len(cores)] if jobs >= len(cores) > 0 else -1,
            )
            for number in range(jobs)
        ]
        self._closed = False
        self._workers: list[Worker | None] = [Worker(start) for start in self._starts]

    @property
    def sentence(self) -> str:
        """What the sandbox of the first worker holds, in one line."""
        first = self._worker(0)
        first.wait()
        return first.sentence

    def _worker(self, number: int) -> Worker:
        """The worker of this number; a fresh one in the place of one that was lost."""
        worker = self._workers[number]
        if worker is None:
            if self._closed:
                raise CourseError("the pool was closed over a submission.")
            worker = self._workers[number] = Worker(self._starts[number])
        return worker

    def run(self, jobs: Sequence[tuple[Tag, Job]]) -> Iterator[tuple[Tag, Done]]:
        waiting: queue.SimpleQueue[tuple[Tag, Job]] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[Tag, Done] | CourseError] = queue.SimpleQueue()
        for pair in jobs:
            waiting.put(pair)
        for number in range(len(self._workers)):
            threading.Thread(target=self._work, args=(number, waiting, done), daemon=True).start()
        for _ in jobs:
            result = done.get()
            if isinstance(result, CourseError):
                raise result
            yield result

    def _work(
        self,
        number: int,
        waiting: queue.SimpleQueue[tuple[Tag, Job]],
        done: queue.SimpleQueue[tuple[Tag, Done] | CourseError],
    ) -> None:
        while True:
            try:
                tag, job = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((tag, self._do(number, job)))
            except CourseError as error:
                done.put(error)
                return
            except Exception as error:  # noqa: BLE001  without an answer the class would wait for ever
                done.put(CourseError(f"a worker could not be used ({type(error).__name__}: {error})."))
                return

    def _do(self, number: int, job: Job) -> Done:
        """Do a job; a worker that dies over it is replaced, and the job tried once more."""
        for _ in range(2):
            worker = self._worker(number)
            try:
                return worker.do(job)
            except Late:
                worker.kill()
                self._lose(number)
                return Done(staff=["the grader did not come to an end over this submission: it was stopped"])
            except WireError:
                self._lose(number)
        return Done(staff=["the worker process died twice over this submission"])

    def _lose(self, number: int) -> None:
        worker, self._workers[number] = self._workers[number], None
        if worker is not None:
            worker.close()

    def close(self) -> None:
        self._closed = True
        for number in range(len(self._workers)):
            self._lose(number)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def available_cores() -> list[int]:
    """The processors that this process may use, where the system tells."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def available_jobs() -> int:
    """One worker for each processor that this process may use."""
    return len(available_cores()) or os.cpu_count() or 1
