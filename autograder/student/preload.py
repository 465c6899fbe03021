"""What a student's process has imported and used before the notebook's first cell."""

from __future__ import annotations

import importlib
import os

import torch
from tqdm import tqdm

from autograder.protocol.global_settings import use_full_precision
from autograder.student.fake_device import attempt
from autograder.student.fresh_settings import remember_fresh_settings
from autograder.student.no_gpu import explain_missing_gpu
from autograder.student.shell import NotebookShell, make_shell

PRELOAD = ("torchvision", "torchvision.transforms", "torchvision.datasets", "torch.utils.data",
           "torch._dynamo", "matplotlib.pyplot", "matplotlib.backends.backend_agg",
           # What probes import. Without a mount namespace this package's folder cannot be listed, so a
           # process that has forgotten what is in it (importlib.invalidate_caches) would not find it.
           "autograder.fake_device")  # fmt: skip
# The first plot, the first formula and the first traceback load and cache a lot; every fork inherits it.
WARM_UP_CELLS = (
    """
import matplotlib.pyplot as plt
_figure, (_left, _right) = plt.subplots(1, 2)
_left.semilogy([1e-9, 1], label="$10^{-1} x_1 + 2^k$")
_left.legend()
_left.set(xlabel="$x_2$", title="title")
_figure.colorbar(_right.contourf([[0, 1], [1, 0]]))
plt.tight_layout()
plt.show()
""",
    "1 / 0",
)


# For the ways to install a package that the shell does not see, such as a subprocess: fail at once instead of
# waiting for a network that is not there.
OFFLINE = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "CONDA_OFFLINE": "true"}


def preload(gpu: bool = False) -> NotebookShell:
    """Import and use whatever loads on first use, so that students' processes need not.

    With `gpu`, students' processes may use one, so nothing here may ask CUDA for anything: see gpu.py.
    """
    os.environ.update(OFFLINE)
    for name in PRELOAD:
        importlib.import_module(name)
    tqdm.monitor_interval = 0  # a progress bar's thread would make copies of the notebook impossible
    torch.set_num_threads(1)
    use_full_precision()
    if not gpu:
        explain_missing_gpu()
    torch.compiler.set_stance(
        "force_eager"
    )  # compiling takes seconds, and needs a C++ compiler and its headers
    shell = make_shell()
    weights = torch.zeros(2, requires_grad=True)
    optimizer = torch.optim.Adam([weights])
    if gpu:
        weights.grad = torch.ones(2)
    else:
        weights.sum().backward()
    optimizer.step()
    attempt(lambda device: torch.ones(2, device=device).sum())
    for cell in WARM_UP_CELLS:
        shell.run_cell(cell, silent=True)
    shell.run_cell("%reset -f", silent=True)
    shell.execution_count = 1
    shell.outputs.clear()
    remember_fresh_settings()
    return shell
