"""Without a GPU, code in a fork is told what it would be told in any other process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from autograder.process.launcher import Launcher
from tests.engine.process.cells import run, text
from tests.engine.student.asked import asked

ASK = """
import json, torch

CALLS = [
    lambda: torch.ones(1).cuda(),
    lambda: torch.ones(1, device="cuda"),
    lambda: torch.ones(1, device=torch.device("cuda")),
    lambda: torch.ones(1).to("cuda:0"),
    lambda: torch.nn.Linear(1, 1).to("cuda"),
    lambda: torch.cuda.current_device(),
    lambda: torch.cuda.get_device_name(),
    lambda: torch.cuda.synchronize(),
    lambda: torch.cuda.set_device(0),
    lambda: torch.cuda.mem_get_info(),
    lambda: torch.cuda.init(),
    lambda: torch.cuda.manual_seed_all(1),
    lambda: torch.cuda.is_available(),
    lambda: torch.cuda.device_count(),
]

def said():
    found = []
    for call in CALLS:
        try:
            found.append(repr(call()))
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    return found
"""


@pytest.fixture(scope="module")
def without_fork() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{ASK}\nprint(json.dumps(said()))"],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""}, capture_output=True, check=True, text=True,
    )  # fmt: skip
    found: list[str] = json.loads(done.stdout)
    assert "fork" not in done.stdout
    return found


def test_a_function_is_told_what_pytorch_says(launcher: Launcher, without_fork: list[str]) -> None:
    with asked(launcher, ASK) as notebook:
        assert notebook.said() == without_fork


def test_a_cell_is_told_what_pytorch_says(launcher: Launcher, without_fork: list[str]) -> None:
    (cell,) = run(launcher, f"{ASK}\nprint(json.dumps(said()))")
    assert json.loads(text(cell)) == without_fork
