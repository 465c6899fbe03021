"""Files beside the notebook that are named like modules which the grader's own code uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from autograder.core.records import GradeJob, SubmittedFile
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.toy_course import job, worker_config, write_toy

OURS = ("torch", "numpy", "random", "msgspec", "IPython", "zlib", "traceback", "tokenize", "linecache", "ast")
PACKAGES = ("autograder", "autograder/protocol", "torch", "msgspec", "encodings")
SHADOW = b"raise RuntimeError('the file beside the notebook was imported')\n"
SOURCE = """
import torch, random, numpy
assert torch.__file__ != "torch.py" and random.__file__ != "random.py"
class Kept: pass
n = 0
def right(): return 1
def first(): return torch.ones(1).numpy().sum().item() * random.randint(1, 1)
def raised(): raise Kept("no")
def wrong(): return Kept()
def three(x):
    global n
    n += 1
    return [x, n]
"""
CELLS = [
    SOURCE,
    "1 / 0",
    "def f(:",
    "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()",
    "%time 1",
    "Kept()",
]
NAMES = ["right", "first", "three", "probed", "raised", "wrong", "missing"]


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(worker_config(write_toy(tmp_path_factory.mktemp("toy"))))
    yield worker
    worker.close()


def graded(worker: WorkerProcess, files: list[SubmittedFile]) -> tuple[list[str], list[str]]:
    work: GradeJob = job(NAMES, *CELLS)
    work.files = files
    done = worker.grade(work)
    kinds = [" ".join(x.ename or x.kind for x in cell.outputs) for cell in done.cells]
    return done.internal_errors + [f"{x.id} {x.status}" for x in done.exercises], kinds


def test_they_change_nothing_that_the_grader_needs(worker: WorkerProcess) -> None:
    """The process has imported what it needs before the files are there."""
    plain = graded(worker, [])
    assert "right passed" in plain[0]
    assert "wrong wrong" in plain[0]
    standard = [name for name in sorted(sys.stdlib_module_names) if not name.startswith("_")]
    files = [SubmittedFile(f"{name}.py", SHADOW) for name in (*OURS, *standard)]
    files += [SubmittedFile(f"{name}/__init__.py", SHADOW) for name in PACKAGES]
    files += [SubmittedFile("sitecustomize.py", SHADOW), SubmittedFile("matplotlibrc", b"nonsense: [")]
    assert graded(worker, files) == plain
    assert graded(worker, []) == plain, "the next submission"


def test_a_notebook_may_name_its_module_as_it_likes(worker: WorkerProcess) -> None:
    work = job(["right"], "import secrets_of_mine, calendar2\nfrom calendar2 import right")
    work.files = [
        SubmittedFile(f"{name}.py", b"def right(): return 1") for name in ("secrets_of_mine", "calendar2")
    ]
    (result,) = worker.grade(work).exercises
    assert result.status == "passed"
