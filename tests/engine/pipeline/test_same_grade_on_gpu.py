"""The same submissions with and without a GPU: the same points, statuses, messages and diagnoses.

The fake device takes the GPU's part, for submissions and for references.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from autograder.core.records import CodeCell, Exercise, ExerciseResult, GradeJob, JobResult, WorkerConfig
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.sampled_course import ASSIGNMENT, Parts, write_sampled

GRADER = '''
import torch
import autograder.fake_device   # the place "fake", for the references
from autograder.checks import close

def test_values(student, reference, draw):
    """twice doubles."""
    x = draw.normal(3)
    assert close(student.twice(x), reference.twice(x))

def test_large(student, reference):
    """twice doubles large numbers."""
    x = torch.full((2, 2), 1e4)
    assert close(student.twice(x), reference.twice(x))

def test_left_alone(student, draw):
    """twice leaves its input and the random state alone."""
    student.twice(draw.normal(2))
    assert not student.changed
'''
CHAFFS = {"adds_two": "return x + 2", "squares": "return x * x", "in_place": "return x.mul_(2)"}
SUBMISSIONS = {
    "right": "def twice(x): return 2 * x",
    "right where tensors of the CPU are": "import torch\ndef twice(x): return x * torch.full(x.shape, 2.0)",
    "right by NumPy": "import torch\ndef twice(x): return torch.from_numpy(x.detach().numpy() * 2)",
    "wrong": "def twice(x): return x + 2",
    "wrong and mixing": "import torch\ndef twice(x): return x + torch.full(x.shape, 2.0)",
    "wrong in part": "def twice(x): return x.mul_(2)",
    "wrong only for large numbers": "import torch\ndef twice(x): return (2 * x).clamp(max=100)",
    "draws": "import torch\ndef twice(x): return 2 * x + 0 * torch.rand_like(x)",
    "raises": "def twice(x): return x.doubled",
    "stub": 'def twice(x): raise NotImplementedError("twice is not written yet")',
    "missing": "pass",
    "ends its process": "import os\ndef twice(x): os._exit(3)",
    "counts its calls": "n = 0\ndef twice(x):\n    global n\n    n += 1\n    return n * x",
}
AT_ONCE = {"right"}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("same")
    return write_sampled(root, {"twice": Parts("def twice(x):\n    return 2 * x", GRADER, {}, CHAFFS)})


@pytest.fixture(scope="module")
def graded(course: Path) -> Iterator[dict[str, dict[str, JobResult]]]:
    """The result of each submission, by device and name."""
    found: dict[str, dict[str, JobResult]] = {}
    for device in ("cpu", "fake"):
        worker = WorkerProcess(WorkerConfig(str(course), ASSIGNMENT, 5, device, diagnose=True))
        jobs = {
            name: GradeJob([CodeCell(0, source, solves="twice")], [Exercise("twice", "part", 4.0)])
            for name, source in SUBMISSIONS.items()
        }
        found[device] = {name: worker.grade(job) for name, job in jobs.items()}
        worker.close()
    yield found


def result(job: JobResult) -> ExerciseResult:
    assert job.internal_errors == []
    (found,) = job.exercises
    return found


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_everything_about_a_grade_is_the_same(graded: dict[str, dict[str, JobResult]], name: str) -> None:
    there, home = (result(graded[device][name]) for device in ("fake", "cpu"))
    assert msgspec.to_builtins(there) == msgspec.to_builtins(home)
    assert graded["fake"][name].asked_again == ([] if name in AT_ONCE else ["twice"])
    assert graded["cpu"][name].asked_again == []


def test_the_grades_differ_from_each_other(graded: dict[str, dict[str, JobResult]]) -> None:
    """Otherwise being the same says little."""
    found = {name: result(job) for name, job in graded["fake"].items()}
    assert {x.status for x in found.values()} == {"passed", "partial", "raised", "missing"}
    named = {name: x.diagnosis.chaff for name, x in found.items() if x.diagnosis and x.diagnosis.sure}
    assert named["wrong"] == named["wrong and mixing"] == "adds_two"
    assert named["wrong in part"] == "in_place"
