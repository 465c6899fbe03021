"""The course that the tests of `autograder check` share, with one worker for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autograder import cli
from autograder.authoring.check import command
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.workers.worker_process import WorkerProcess
from tests.engine.authoring.check.checked_course import EXERCISES, Check, Finished, GradedSamples
from tests.engine.support.sampled_course import worker_of, write_sampled
from tests.engine.support.scratch_course import SharedPool


@pytest.fixture(scope="package")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sampled(tmp_path_factory.mktemp("sampled"), EXERCISES)


@pytest.fixture(scope="package")
def worker(root: Path) -> Iterator[WorkerProcess]:
    worker = worker_of(root)
    yield worker
    worker.close()


@pytest.fixture
def graded() -> GradedSamples:
    return []


@pytest.fixture
def check(
    root: Path,
    worker: WorkerProcess,
    graded: GradedSamples,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Check:
    """A function that runs `autograder check` in this process, with the shared worker."""
    shared = worker

    class Shared(SharedPool):
        worker = shared

        def __init__(self, config: WorkerConfig, jobs: int) -> None:
            super().__init__(config, jobs)
            self.seed = config.seed

        def run(self, jobs: Sequence[tuple[Any, GradeJob]]) -> Iterator[tuple[Any, JobResult]]:
            graded.append((self.seed, [sample for sample, _ in jobs]))
            return super().run(jobs)

    monkeypatch.setattr(command, "Pool", Shared)

    def run(*words: object, course: Path = root) -> Finished:
        monkeypatch.setattr(sys, "argv", ["autograder", "check", *map(str, words), "--course", str(course)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        assert "\x1b" not in printed.out + printed.err
        return Finished(int(end.value.code or 0), printed.out, printed.err)

    return run
