"""Several workers, each in its own process; a free worker takes the next submission."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import partial
from typing import TypeAlias, TypeVar

import msgspec

from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.sandbox.capabilities import SLOTS
from autograder.workers.restarting import RestartingWorker
from autograder.workers.worker_process import WorkerProcess

Tag = TypeVar("Tag")
AnyJob: TypeAlias = GradeJob | Callable[[], GradeJob]
"""A job, or a function that makes it when a worker is free: it may hold many megabytes of files."""


class Pool:
    """Grades submissions on several workers and yields the results as they become ready.

    On a GPU, a submission that ran out of its share of the card's memory is graded once more when the others
    are done, alone on the card and with all of its memory; that result counts.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, config: WorkerConfig, jobs: int) -> None:
        configs = worker_configs(config, jobs)
        self._on_card = config.device == "cuda"
        self._workers = [RestartingWorker(partial(WorkerProcess, each)) for each in configs]
        self._free: queue.SimpleQueue[RestartingWorker] = queue.SimpleQueue()
        for worker in self._workers:
            worker.start()  # without waiting: its imports take seconds
            self._free.put(worker)
        # One thread for each worker, only to wait for its result.
        self._threads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="worker")

    @property
    def sentence(self) -> str:
        """What the first worker's sandbox enforces, in one line. Raises CourseError if it cannot start."""
        first = self._workers[0].start()
        first.wait()
        return first.sentence

    def run(self, jobs: Sequence[tuple[Tag, AnyJob]]) -> Iterator[tuple[Tag, JobResult]]:
        """Grade the jobs; yield each one's tag and result when it is done, in any order.

        Raises CourseError if a worker cannot be used.
        """
        sharing = self._on_card and len(self._workers) > 1
        alone = self._on_card and not sharing
        tags: dict[Future[JobResult], tuple[Tag, AnyJob]] = {
            self._threads.submit(self._grade, job, alone): (tag, job) for tag, job in jobs
        }
        again = []
        for future in as_completed(tags):
            tag, job = tags[future]
            result = _result(future)
            if result.device_memory and sharing:
                again.append((tag, job))
            else:
                yield tag, result
        yield from self._grade_alone(again)

    def _grade(self, job: AnyJob, alone: bool) -> JobResult:
        worker = self._free.get()
        try:
            return grade_with(worker, job, alone)
        finally:
            self._free.put(worker)

    def _grade_alone(self, jobs: Sequence[tuple[Tag, AnyJob]]) -> Iterator[tuple[Tag, JobResult]]:
        """Grade one after another, all on the same worker: the others leave the card to it."""
        if jobs:
            for worker in self._workers[1:]:
                worker.stop()
        for tag, job in jobs:
            yield tag, _result(self._threads.submit(grade_with, self._workers[0], job, True))

    def close(self) -> None:
        """End every worker and give up the jobs that are running."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def grade_with(worker: RestartingWorker | WorkerProcess, job: AnyJob, alone: bool = False) -> JobResult:
    """Make the job, if it is not yet made, and grade it. If it cannot be made, the result says why.

    With `alone`, no other submission is on the card.
    """
    try:
        made = job if isinstance(job, GradeJob) else job()
    except Unreadable as error:
        return JobResult(internal_errors=[str(error)])
    return worker.grade(msgspec.structs.replace(made, alone=True) if alone else made)


def _result(future: Future[JobResult]) -> JobResult:
    try:
        return future.result()
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(f"a worker could not be used ({type(error).__name__}: {error}).") from error


def worker_configs(config: WorkerConfig, jobs: int) -> list[WorkerConfig]:
    """The configuration of each worker. No two share a uid. If there are enough, each stays on one core."""
    cores = available_cores()
    # Pin the workers only if there is one for every core; with fewer, the scheduler does better.
    pinned = jobs >= len(cores) > 0
    return [
        msgspec.structs.replace(
            config, slots=(number % SLOTS, jobs), core=cores[number % len(cores)] if pinned else -1
        )
        for number in range(jobs)
    ]


def available_cores() -> list[int]:
    """The processor cores that this process may use; empty if the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def available_jobs() -> int:
    """The default number of workers: one for each processor core that this process may use."""
    return len(available_cores()) or os.cpu_count() or 1
