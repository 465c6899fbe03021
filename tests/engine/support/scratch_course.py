"""A copy of the real course in its own folder, and a worker that several tests share."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.core.records import JobResult, WorkerConfig
from autograder.course.course import Course
from autograder.sandbox.kill_tree import descendants
from autograder.workers.pool import AnyJob, grade_with
from autograder.workers.worker_process import WorkerProcess

ROOT = Path(__file__).resolve().parents[3]
SECRET = 7302594816037152846
WITHOUT_NAMESPACES = bool(os.environ.get("HOSTILE_WITHOUT_NAMESPACES"))  # see hostile/everywhere.py
SETTINGS = """
[tool.autograder]
namespaces = %s

[tool.autograder.time]
cell = 60.0
grace = 1.0
notebook = 120.0
question = 3.0
exercise = 6.0
submission = 150.0

[tool.autograder.memory]
memory_bytes = 419430400
cpu_seconds = 90
tmp_bytes = 67108864
""" % ("false" if WITHOUT_NAMESPACES else "true")
MAX_PROCESSES = 150
MIN_FREE_BYTES = 3 * 2**29


def copy_course(root: Path) -> Course:
    """Copy the course into `root`, with a known secret and short limits."""
    for folder in ("source", "release", "solutions", "tests/module6"):
        skip = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / folder, root / folder, ignore=skip)
    (root / "tests/__init__.py").touch()
    for file in ("gradebook.db", "nbgrader_config.py"):
        shutil.copy(ROOT / file, root)
    (root / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + SETTINGS)
    (root / ".autograder").mkdir()
    (root / ".autograder/secret").write_text(f"{SECRET}\n")
    return Course(root)


def worker_config(course: Course, device: str = "cpu") -> WorkerConfig:
    """A configuration without diagnoses, which would grade every buggy sample first."""
    return WorkerConfig(str(course.root), course.assignment, course.seed(), device, diagnose=False)


class SharedPool:
    """Stands in for Pool in tests of commands: starting workers for each command would take too long."""

    worker: WorkerProcess

    def __init__(self, config: WorkerConfig, jobs: int) -> None:
        self.sentence = "sandbox: shared"

    def run(self, jobs: Sequence[tuple[Any, AnyJob]]) -> Iterator[tuple[Any, JobResult]]:
        for tag, job in jobs:
            yield tag, grade_with(self.worker, job)

    def __enter__(self) -> SharedPool:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@contextmanager
def guarded(worker: WorkerProcess, seconds: float) -> Iterator[None]:
    """Kill the worker, and fail, if its submissions use too many processes, too much memory or too much time."""
    done = threading.Event()
    excess: list[str] = []
    end = time.monotonic() + seconds

    def poll() -> None:
        while not done.wait(0.2):
            found = descendants()
            late = time.monotonic() > end
            if late or len(found) > MAX_PROCESSES or free_bytes() < MIN_FREE_BYTES:
                excess.append(f"{len(found)} processes, {free_bytes()} bytes left, late: {late}")
                os.kill(worker._process.pid, signal.SIGKILL)
                return

    poller = threading.Thread(target=poll)
    poller.start()
    try:
        yield
    finally:
        done.set()
        poller.join()
        assert not excess, excess


def free_bytes() -> int:
    """The memory that the machine has left, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith("MemAvailable")) * 1024


def solved(course: Course, notebook: str, *exercises: str) -> dict[str, Any]:
    """The released notebook's imports and nbgrader cells, with these exercises solved."""
    return edited(
        course,
        notebook,
        lambda grade_id, released: (
            course.cell(grade_id).source if grade_id.removesuffix("_solution") in exercises else released
        ),
    )


def edited(course: Course, notebook: str, text: Callable[[str, str], str]) -> dict[str, Any]:
    """The released notebook's imports and nbgrader cells; solution cells hold `text(grade_id, source)`."""
    data: dict[str, Any] = json.loads((course.release / f"{notebook}.ipynb").read_text())
    cells = []
    for cell in data["cells"]:
        tag = cell["metadata"].get("nbgrader")
        if tag and tag["solution"] and cell["cell_type"] == "code":
            cell["source"] = text(tag["grade_id"], "".join(cell["source"]))
        if tag or cell["id"] == "imports":
            cells.append(cell)
    data["cells"] = cells
    return data
