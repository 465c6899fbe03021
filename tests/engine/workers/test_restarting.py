"""A worker that dies or hangs is treated alike by `autograder grade` and by nbgrader's own commands.

Scripted workers stand in for processes, which take seconds to start; test_pool.py kills and hangs real ones, and
test_autograde_steps.py kills the one behind formgrader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.protocol.channel import ChannelClosed, DeadlineExceeded, MessageTooBig
from autograder.workers import pool as pools
from autograder.workers import shared_worker
from autograder.workers.pool import Pool
from autograder.workers.restarting import DIED, HUNG
from tests.engine.support.toy_course import ASSIGNMENT, job, worker_config, write_toy

GRADED = JobResult(seconds=1.5)
Grade = Callable[[GradeJob], JobResult]


class ScriptedWorker:
    """Stands in for WorkerProcess: each job ends as the script says, whichever process does it."""

    script: list[Any] = []
    started: list[ScriptedWorker] = []

    def __init__(self, config: WorkerConfig) -> None:
        self.killed = self.closed = False
        self.started.append(self)

    def grade(self, work: GradeJob) -> JobResult:
        assert not self.closed, "a closed worker was given a job"
        outcome = self.script.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        assert isinstance(outcome, JobResult)
        return outcome

    def kill(self) -> None:
        self.killed = True

    def close(self) -> None:
        self.closed = True


@contextmanager
def pool(root: Path) -> Iterator[Grade]:
    """The engine of `autograder grade`, `run` and `check`."""
    with Pool(worker_config(root), 1) as found:
        yield lambda work: next(iter(found.run([("only", work)])))[1]


@contextmanager
def shared(root: Path) -> Iterator[Grade]:
    """The engine of formgrader, `nbgrader autograde` and `nbgrader validate`."""
    try:
        yield shared_worker.shared_worker_for(root, ASSIGNMENT).grade
    finally:
        shared_worker.close_shared_workers()


@pytest.fixture(params=[pool, shared])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Grade]:
    for module in (pools, shared_worker):
        monkeypatch.setattr(module, "WorkerProcess", ScriptedWorker)
    monkeypatch.setattr(shared_worker, "refuse_outdated_release", lambda course: None)  # the toy has none
    monkeypatch.setattr(ScriptedWorker, "started", [])
    with request.param(write_toy(tmp_path)) as grade:
        yield grade
    assert all(worker.closed for worker in ScriptedWorker.started)


def outcomes(engine: Grade, script: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[JobResult]:
    """The results of as many jobs as the script has outcomes for."""
    monkeypatch.setattr(ScriptedWorker, "script", script)
    found = []
    while script:
        found.append(engine(job(["right"], "def right():\n    return 1")))
    return found


def test_a_hung_worker_is_stopped_and_its_submission_is_not_tried_again(
    engine: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = outcomes(engine, [DeadlineExceeded("late"), GRADED], monkeypatch)
    assert found == [JobResult(internal_errors=[HUNG]), GRADED]
    assert [worker.killed for worker in ScriptedWorker.started] == [True, False]


def test_a_worker_that_dies_once_is_replaced_and_its_submission_is_graded(
    engine: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcomes(engine, [GRADED, ChannelClosed("gone"), GRADED], monkeypatch) == [GRADED, GRADED]
    assert len(ScriptedWorker.started) == 2


def test_a_worker_that_dies_twice_is_an_internal_error_of_this_submission_only(
    engine: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = outcomes(engine, [ChannelClosed("gone"), ChannelClosed("gone"), GRADED], monkeypatch)
    assert found == [JobResult(internal_errors=[DIED]), GRADED]
    assert len(ScriptedWorker.started) == 3


def test_a_worker_that_dies_and_then_hangs_is_not_tried_a_third_time(
    engine: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = outcomes(engine, [ChannelClosed("gone"), DeadlineExceeded("late"), GRADED], monkeypatch)
    assert found == [JobResult(internal_errors=[HUNG]), GRADED]


def test_what_cannot_be_sent_is_no_dead_worker(engine: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcomes(engine, [MessageTooBig("2 bytes are over the limit of 1"), GRADED], monkeypatch)
    sentence = "a submission or its result cannot be sent: 2 bytes are over the limit of 1"
    assert found == [JobResult(internal_errors=[sentence]), GRADED]


def test_after_an_interruption_the_next_job_gets_its_own_result(
    engine: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedWorker, "script", [CourseError("stopped"), GRADED])
    with pytest.raises(CourseError, match="stopped"):
        engine(job(["right"]))
    assert engine(job(["right"])) == GRADED
    assert [worker.closed for worker in ScriptedWorker.started] == [True, False]
