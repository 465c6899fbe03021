"""A course with two small parts, and `autograder grade` on it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder import pipeline
from autograder.course.course import Course
from autograder.workers.worker_process import WorkerProcess
from tests.engine.pipeline.submitting import Graded
from tests.engine.support.scratch_course import SharedPool


@pytest.fixture
def course(
    scratch: Course, scratch_worker: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Course]:
    """A course that the test may change; the shared worker does the grading."""
    root = tmp_path / "course"
    shutil.copytree(scratch.root, root)

    class Shared(SharedPool):
        worker = scratch_worker

    monkeypatch.setattr(pipeline, "Pool", Shared)
    monkeypatch.setenv("COLUMNS", "200")  # a narrower table would break sentences across lines
    yield Course(root)


@pytest.fixture
def grade(course: Course, capsys: pytest.CaptureFixture[str]) -> Callable[..., Graded]:
    """Run `autograder grade`."""

    def run(*patterns: str, force: bool = False, device: str | None = "cpu") -> Graded:
        capsys.readouterr()
        file = course.root / "results.json"
        code = pipeline.grade_class(course.root, "module6", patterns, 0, device, force, file)
        printed = capsys.readouterr()
        results = json.loads(file.read_text())["results"]
        return code, {f"{x['student']}/{x['notebook']}": x for x in results}, printed.out, printed.err

    return run
