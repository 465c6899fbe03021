"""One worker that nbgrader's commands and formgrader grade with, notebook after notebook.

It lives as long as the process, so formgrader does not have to start one, which takes seconds, for each
request.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from autograder.core.records import GradeJob, JobResult
from autograder.course.course import Course
from autograder.course.fingerprint import Fingerprints
from autograder.course.release_state import refuse_outdated_release
from autograder.course.source_notebooks import IGNORED
from autograder.workers.card import config_for, resolve_device
from autograder.workers.restarting import RestartingWorker
from autograder.workers.worker_process import WorkerProcess

FileStamps = tuple[tuple[str, int, int], ...]
"""Path, modification time in ns and size in bytes of each file."""
_lock = threading.RLock()  # formgrader's server may have threads; a worker does one job at a time
_shared_workers: dict[tuple[Path, str], SharedWorker] = {}


class SharedWorker:
    """A course and its worker, which starts with the first job, on the device that the settings name.

    Raises NoCard, a CourseError, if that is a GPU and none can be used.
    """

    def __init__(self, root: Path, assignment: str, stamps: FileStamps) -> None:
        self.course = Course(root, assignment)
        refuse_outdated_release(self.course)
        unsafe = self.course.settings.unsafe
        device, self.card = resolve_device(None, self.course.settings)
        self.fingerprints = Fingerprints(self.course, device, self.course.seed(), unsafe)
        self.stamps = stamps
        self._worker = RestartingWorker(self._start)

    def grade(self, job: GradeJob) -> JobResult:
        """Grade one submission. Raises CourseError if no worker can be started."""
        if self.card is not None:  # one submission at a time: the whole card is free for it
            job = msgspec.structs.replace(job, alone=True)
        with _lock:
            return self._worker.grade(job)

    def _start(self) -> WorkerProcess:
        course = self.course
        return WorkerProcess(config_for(course, course.seed(), self.card, course.settings.unsafe))

    def close(self) -> None:
        """End the worker for good."""
        with _lock:
            self._worker.close()


def shared_worker_for(root: Path, assignment: str) -> SharedWorker:
    """Return the shared worker of a course, or a new one if the course's files have changed.

    Raises CourseError if the release is out of date, or no GPU can be used although the settings name one.
    """
    root = root.resolve()
    Course(root, assignment).seed()  # creates the secret now: later it would look like a change
    stamps = tuple(_file_stamps(root, assignment))
    with _lock:
        shared = _shared_workers.get((root, assignment))
        if shared is not None and shared.stamps == stamps:
            return shared
        close_shared_workers()  # one at a time: each holds PyTorch in memory
        _shared_workers[root, assignment] = SharedWorker(root, assignment, stamps)
        return _shared_workers[root, assignment]


def close_shared_workers() -> None:
    """End every shared worker; the next job starts a new one."""
    with _lock:
        for shared in _shared_workers.values():
            shared.close()
        _shared_workers.clear()


def _file_stamps(root: Path, assignment: str) -> Iterator[tuple[str, int, int]]:
    """The stamps of all files that a worker, or the fingerprint of its results, depends on."""
    patterns = (
        f"source/{assignment}/*.ipynb",
        f"solutions/{assignment}/*.py",
        f"release/{assignment}/**/*",
        "tests/*.py",
        f"tests/{assignment}/**/*",
        "pyproject.toml",
        ".autograder/secret",
    )
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if not path.is_file() or set(path.relative_to(root).parts) & set(IGNORED):
                continue
            status = path.stat()
            yield str(path), status.st_mtime_ns, status.st_size


atexit.register(close_shared_workers)
