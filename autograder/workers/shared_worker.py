"""One worker for as long as this process lives: nbgrader grades one notebook after another with it.

In formgrader it stays between requests, where starting it each time would cost seconds.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from pathlib import Path

from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.course.course import Course
from autograder.workers.restarting import RestartingWorker
from autograder.workers.worker_process import WorkerProcess

Stamp = tuple[tuple[str, int, int], ...]
_lock = threading.RLock()  # formgrader's server may have threads; a worker does one job at a time
_kept: dict[tuple[Path, str], SharedWorker] = {}


class SharedWorker:
    """A course and, from the first job on, its worker."""

    def __init__(self, root: Path, assignment: str, stamp: Stamp) -> None:
        self.course = Course(root, assignment)
        self.stamp = stamp
        self._worker = RestartingWorker(self._start)

    def grade(self, job: GradeJob) -> JobResult:
        """Grade one submission. Raises CourseError when no worker can be started."""
        with _lock:
            return self._worker.grade(job)

    def _start(self) -> WorkerProcess:
        course = self.course
        unsafe = course.settings.unsafe
        return WorkerProcess(
            WorkerConfig(
                str(course.root), course.assignment, course.seed(), "cpu", diagnose=True, unsafe=unsafe
            )
        )

    def close(self) -> None:
        with _lock:
            self._worker.close()


def shared_worker_for(root: Path, assignment: str) -> SharedWorker:
    """The engine of a course folder; a new one after its files have changed."""
    root = root.resolve()
    Course(root, assignment).seed()  # the first job would make the secret, and then look like a change
    stamp = tuple(_stamp(root, assignment))
    with _lock:
        kept = _kept.get((root, assignment))
        if kept is not None and kept.stamp == stamp:
            return kept
        close_shared_workers()  # one worker for the process: each holds torch in memory
        _kept[root, assignment] = SharedWorker(root, assignment, stamp)
        return _kept[root, assignment]


def _stamp(root: Path, assignment: str) -> Iterator[tuple[str, int, int]]:
    """What tells that the course's files are still those that the worker has read."""
    patterns = (
        f"source/{assignment}/*.ipynb",
        f"solutions/{assignment}/*.py",
        f"tests/{assignment}/**/*.py",
        "pyproject.toml",
        ".autograder/secret",
    )
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            status = path.stat()
            yield str(path), status.st_mtime_ns, status.st_size


def close_shared_workers() -> None:
    """End every worker; the next job starts one."""
    with _lock:
        for shared in _kept.values():
            shared.close()
        _kept.clear()


atexit.register(close_shared_workers)
