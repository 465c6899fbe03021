"""What the engine's tests share: one copy of the course, and one worker for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.course.course import Course
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.scratch_course import copy_course, worker_config


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy of the course. A test that changes files works in a copy of this copy."""
    return copy_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="session")
def scratch_worker(scratch: Course) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(worker_config(scratch))
    yield worker
    worker.close()
