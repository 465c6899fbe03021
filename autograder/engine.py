"""One worker for as long as this process lives: nbgrader grades one notebook after another with it.

In formgrader it stays between requests, where starting it each time would cost seconds.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from pathlib import Path

from autograder.course import Course
from autograder.pool import Worker
from autograder.wire import WireError
from autograder.worker import Done, Job, Start

Stamp = tuple[tuple[str, int, int], ...]
_lock = threading.RLock()  # formgrader's server may have threads; a worker does one job at a time
_kept: dict[tuple[Path, str], Engine] = {}


class Engine:
    """A course and, from the first job on, its worker."""

    def __init__(self, root: Path, assignment: str, stamp: Stamp) -> None:
        self.course = Course(root, assignment)
        self.stamp = stamp
        self._worker: Worker | None = None

    def do(self, job: Job) -> Done:
        """Do a job; a worker that died, now or since the last one, is replaced once.

        Raises CourseError when no worker can be started.
        """
        with _lock:
            for _ in range(2):
                if self._worker is None:
                    self._worker = Worker(self._start())
                try:
                    return self._worker.do(job)
                except WireError:
                    self.close()
                except BaseException:  # Ctrl-C too: an answer that nobody took would come next
                    self.close()
                    raise
            return Done(staff=["the worker process died twice over this submission"])

    def _start(self) -> Start:
        course = self.course
        unsafe = course.settings.unsafe
        return Start(str(course.root), course.assignment, course.seed(), "cpu", diagnose=True, unsafe=unsafe)

    def close(self) -> None:
        with _lock:
            worker, self._worker = self._worker, None
            if worker is not None:
                worker.close()


def engine_for(root: Path, assignment: str) -> Engine:
    """The engine of a course folder; a new one after its files have changed."""
    root = root.resolve()
    Course(root, assignment).seed()  # the first job would make the secret, and then look like a change
    stamp = tuple(_stamp(root, assignment))
    with _lock:
        kept = _kept.get((root, assignment))
        if kept is not None and kept.stamp == stamp:
            return kept
        close_engines()  # one worker for the process: each holds torch in memory
        _kept[root, assignment] = Engine(root, assignment, stamp)
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


def close_engines() -> None:
    """End every worker; the next job starts one."""
    with _lock:
        for engine in _kept.values():
            engine.close()
        _kept.clear()


atexit.register(close_engines)
