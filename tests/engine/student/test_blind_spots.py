"""The blind spots of the fake device are those that are listed, here and on a real GPU."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.student.fake_device_kernels import _NO_CPU_NUMBERS, aten
from tests.engine.student.blind_spots import ACCEPTED, BLIND_SPOTS, ERROR, REFUSED, on_the_fake_device
from tests.engine.support.small_course import ROOT

DOCUMENT = ROOT / "docs" / "graders.md"
MADE_OF_SUCH = {aten.embedding, aten.mv, aten.put, aten.stack}


@pytest.mark.parametrize("name", BLIND_SPOTS)
@pytest.mark.filterwarnings("ignore")
def test_what_the_fake_device_says(name: str) -> None:
    torch.manual_seed(0)
    assert on_the_fake_device(BLIND_SPOTS[name].program) == BLIND_SPOTS[name].fake


@pytest.mark.parametrize("name", BLIND_SPOTS)
def test_every_blind_spot_is_documented(name: str) -> None:
    assert name in DOCUMENT.read_text(encoding="utf-8")


def run_on(device: str) -> dict[str, Any]:
    """What comes of each program on a real device, in a process of its own: one of them ruins its process."""
    command = [sys.executable, "-m", "tests.engine.student.blind_spots", device]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def on_the_card() -> dict[str, Any]:
    return run_on("cuda:0")


def test_the_same_programs_work_on_the_cpu() -> None:
    """Where there is only one device, nothing can be on the wrong one."""
    found = run_on("cpu")
    assert found.keys() == {*REFUSED, *ACCEPTED, *BLIND_SPOTS}
    assert not [name for name, value in found.items() if value == ERROR]


@pytest.mark.gpu
@pytest.mark.parametrize("name", BLIND_SPOTS)
def test_what_a_real_gpu_says(on_the_card: dict[str, Any], name: str) -> None:
    assert on_the_card[name] == BLIND_SPOTS[name].card


@pytest.mark.gpu
@pytest.mark.parametrize("name", REFUSED)
def test_what_the_fake_device_refuses_a_real_gpu_refuses_too(on_the_card: dict[str, Any], name: str) -> None:
    assert on_the_card[name] == ERROR


@pytest.mark.gpu
@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_fake_device_accepts_runs_on_a_real_gpu_too(on_the_card: dict[str, Any], name: str) -> None:
    assert on_the_card[name] != ERROR


def test_kernels_that_refuse_numbers_are_those_of_pytorch() -> None:
    """PyTorch is built from this table, which comes with it."""
    yaml = pytest.importorskip("yaml")
    package = importlib.util.find_spec("torchgen")
    if package is None or package.origin is None:
        pytest.skip("this PyTorch came without its tables")
    table = Path(package.origin).parent / "packaged" / "ATen" / "native" / "native_functions.yaml"
    kernels = {entry["func"].split("(")[0]: entry for entry in yaml.safe_load(table.read_text())}

    def refuses(entry: dict[str, Any]) -> bool:
        if "structured_delegate" in entry and not refuses(kernels[entry["structured_delegate"]]):
            return False
        devices = {key.strip() for keys in entry.get("dispatch", {}) for key in keys.split(",")}
        has_kernel = "CUDA" in devices or "structured_delegate" in entry
        return has_kernel and entry.get("device_check") != "NoCheck"

    refusing = {name.split(".")[0] for name, entry in kernels.items() if refuses(entry)}
    for packet in _NO_CPU_NUMBERS - MADE_OF_SUCH:
        assert packet.__name__ in refusing, packet
