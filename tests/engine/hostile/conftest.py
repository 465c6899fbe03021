"""The two courses that the hostile tests share, each with a worker and an honest notebook."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autograder.course.course import Course
from autograder.workers.worker_process import WorkerProcess
from tests.engine.hostile.attacked_course import PART, AttackedCourse, job, outcome, shown_to_student
from tests.engine.hostile.cheats import EXERCISES
from tests.engine.hostile.table import TOKEN
from tests.engine.support.scratch_course import copy_course, worker_config

SHORT_LIMITS = """
[tool.autograder.time]
cell = 5.0
grace = 1.0
notebook = 30.0
question = 2.0
exercise = 2.5
submission = 60.0

[tool.autograder.memory]
memory_bytes = 268435456
cpu_seconds = 30
processes = 24
open_files = 100
file_bytes = 4194304
tmp_bytes = 16777216
tmp_files = 300
"""
LIMITS_ON_GPU = """
[tool.autograder.time]
cell = 20.0
grace = 1.0
notebook = 60.0
question = 8.0
exercise = 10.0
submission = 120.0

[tool.autograder.memory]
memory_bytes = 2147483648
device_bytes = 2147483648
cpu_seconds = 60
processes = 40
open_files = 400
file_bytes = 4194304
tmp_bytes = 67108864
tmp_files = 300
"""


@pytest.fixture(scope="package")
def attacked(scratch: Course, scratch_worker: WorkerProcess) -> AttackedCourse:
    """The scratch course. Its honest notebook is correct in some exercises and wrong in others."""
    reference = (scratch.solutions / f"{PART}.py").read_text()
    mistake = "def count_params(architecture, bias=True):\n    return sum(architecture)"
    honest = job(scratch, EXERCISES, reference, "print(relu(torch.ones(2)))", mistake)
    result = scratch_worker.grade(honest)
    statuses = {exercise.status for exercise in result.exercises}
    assert statuses in ({"passed", "wrong"}, {"passed", "partial"})
    return AttackedCourse(scratch, scratch_worker, honest, outcome(result))


@pytest.fixture(scope="package")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedCourse]:
    with quick_course(tmp_path_factory.mktemp("quick"), "cpu", SHORT_LIMITS) as course:
        yield course


@pytest.fixture(scope="package")
def quick_on_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedCourse]:
    """The same with the GPU visible; starting CUDA takes seconds and memory."""
    with quick_course(tmp_path_factory.mktemp("quick_on_gpu"), "cuda", LIMITS_ON_GPU) as course:
        yield course


@contextmanager
def quick_course(root: Path, device: str, limits: str) -> Iterator[AttackedCourse]:
    """A course with very short limits, which holds everything that the attacks of the table look for.

    Its honest notebook is short, correct in one exercise and wrong in the other.
    """
    course = copy_course(root)
    settings = course.root / "pyproject.toml"
    settings.write_text(settings.read_text().split("\n[tool.autograder.time]")[0] + limits)
    victim = course.root / "submitted/victim/module6" / f"{PART}.ipynb"
    victim.parent.mkdir(parents=True)
    shutil.copy(course.release / victim.name, victim)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOSTILE_TOKEN", TOKEN)
        worker = WorkerProcess(worker_config(course, device))
        look = (
            "import os\nimport torch\nprint(sorted(os.listdir()), os.listdir('data'), torch.ones(2).sum())\n7"
        )
        right = course.cell("count_params_solution").source
        mistake = "def collapse_linear(*layers):\n    return torch.zeros(1), torch.zeros(1)"
        honest = job(course, ("count_params", "collapse_linear"), look, right, mistake)
        result = worker.grade(honest)
        assert [exercise.status for exercise in result.exercises] == ["passed", "wrong"]
        assert "tensor(2.)" in shown_to_student(result)
        yield AttackedCourse(course, worker, honest, outcome(result))
        worker.close()
