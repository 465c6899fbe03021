"""Right solutions in notebooks that were written for the student's own computer, graded with the real course."""

from __future__ import annotations

from typing import Any

import pytest

from autograder.core.records import JobResult
from autograder.course.course import Course
from autograder.intake.submission import from_notebook
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.scratch_course import solved
from tests.engine.support.small_course import cell

# From each part, exercises that depend on the dtype, on warnings or on what is imported.
CHOSEN = {
    "part1_neurons": ["activations", "gradient_flow", "collapse_linear"],
    "part2_losses": ["cross_entropy", "backprop", "optimizer_steps"],
    "part3_training": ["mlp", "train_one_epoch", "evaluate", "lr_sweep"],
    "part4_generalization": ["dropout", "fit_early_stopping", "memorization_report"],
}
DOUBLE = "import torch\ntorch.set_default_dtype(torch.float64)"
REPORTING = """
import warnings
import numpy as np, torch
warnings.simplefilter("error")
torch.autograd.set_detect_anomaly(True)
torch.set_printoptions(precision=1)
np.seterr(all="raise")
torch.use_deterministic_algorithms(True)
torch.set_default_device("cpu")
np.random.seed = torch.manual_seed = 0
torch.set_grad_enabled(False)
"""
ABOVE_IMPORTS = """
from google.colab import drive
drive.mount("/content/drive")
import seaborn as sns
sns.set_theme()
!pip install seaborn
%matplotlib widget
%load_ext tensorboard
import matplotlib
matplotlib.use("TkAgg")
"""


def graded(worker: WorkerProcess, course: Course, part: str, notebook: dict[str, Any]) -> dict[str, float]:
    """For each chosen exercise of the part, the share of its points."""
    job = from_notebook(course, notebook, part, f"{part}.ipynb", None).job()
    job.exercises = [x for x in job.exercises if x.id in CHOSEN[part]]
    result: JobResult = worker.grade(job)
    assert result.internal_errors == []
    return {x.id: (x.score or 0.0) / x.max_score for x in result.exercises}


def full(part: str) -> dict[str, float]:
    return dict.fromkeys(CHOSEN[part], 1.0)


@pytest.mark.parametrize("part", CHOSEN)
@pytest.mark.parametrize("place", ["top", "middle", "end"])
def test_float64_as_the_default_dtype(
    scratch: Course, scratch_worker: WorkerProcess, part: str, place: str
) -> None:
    notebook = solved(scratch, part, *CHOSEN[part])
    cells = notebook["cells"]
    cells.insert({"top": 0, "middle": len(cells) // 2, "end": len(cells)}[place], cell("own", DOUBLE))
    assert graded(scratch_worker, scratch, part, notebook) == full(part)


@pytest.mark.parametrize("part", CHOSEN)
def test_settings_that_only_decide_what_is_reported(
    scratch: Course, scratch_worker: WorkerProcess, part: str
) -> None:
    notebook = solved(scratch, part, *CHOSEN[part])
    notebook["cells"].insert(1, cell("own", REPORTING))
    assert graded(scratch_worker, scratch, part, notebook) == full(part)


@pytest.mark.parametrize("part", CHOSEN)
def test_lines_above_the_imports(scratch: Course, scratch_worker: WorkerProcess, part: str) -> None:
    notebook = solved(scratch, part, *CHOSEN[part])
    imports = next(x for x in notebook["cells"] if x["id"] == "imports")
    imports["source"] = ABOVE_IMPORTS + "".join(imports["source"])
    assert graded(scratch_worker, scratch, part, notebook) == full(part)


def test_imports_that_are_deleted_or_fail(scratch: Course, scratch_worker: WorkerProcess) -> None:
    part = "part1_neurons"
    for source in ("", "1 / 0\nimport torch", "import torch as t\nfrom torch import nn as n"):
        notebook = solved(scratch, part, *CHOSEN[part])
        next(x for x in notebook["cells"] if x["id"] == "imports")["source"] = source
        assert graded(scratch_worker, scratch, part, notebook) == full(part)


def test_a_missing_package_costs_only_the_exercise_that_uses_it(
    scratch: Course, scratch_worker: WorkerProcess
) -> None:
    part = "part1_neurons"
    notebook = solved(scratch, part, *CHOSEN[part])
    cells = {x["id"]: x for x in notebook["cells"]}
    cells["imports"]["source"] = "import einops\n" + "".join(cells["imports"]["source"])
    cells["gradient_flow_solution"]["source"] = "def gradient_flow(*given): return einops.reduce(given)"
    job = from_notebook(scratch, notebook, part, f"{part}.ipynb", None).job()
    job.exercises = [x for x in job.exercises if x.id in CHOSEN[part]]
    results = {x.id: x for x in scratch_worker.grade(job).exercises}
    assert {name: x.score == x.max_score for name, x in results.items()} == {
        "activations": True, "gradient_flow": False, "collapse_linear": True,
    }  # fmt: skip
    for check in results["gradient_flow"].checks:
        assert "No module named 'einops'" in check.message
