"""The fork server and the GPU: it asks CUDA for nothing; its forks see the GPU and are bounded.

There need be no GPU here: what would ask one is stubbed, or seen by the library that it looks for.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from autograder.core.limits import MIB
from autograder.process.launcher import GPU_ENVIRONMENT
from autograder.protocol.global_settings import use_full_precision
from autograder.student import gpu, notebook_process, shell

PROGRAM = """
import glob, importlib, json, os, sys
import torch

asked = []
STUBBED = [name for name in dir(torch._C) if name.startswith(("_cuda_", "_accelerator_"))]
# These read what PyTorch was built with, or a flag of its own.
STUBBED = [x for x in STUBBED if x not in ("_cuda_isInBadFork", "_accelerator_getAccelerator")]

def stub(name):
    def call(*args, **kwargs):
        asked.append(name)
        raise RuntimeError("CUDA was asked: " + name)
    return call

for name in STUBBED:
    setattr(torch._C, name, stub(name))
real_cdll = __import__("ctypes").CDLL

def driver_lookups():
    files = glob.glob(os.environ["LD_DEBUG_OUTPUT"] + ".*")
    return sum(open(x, errors="replace").read().count("find library=libcuda.so") for x in files)

def nvml_lookups():
    files = glob.glob(os.environ["LD_DEBUG_OUTPUT"] + ".*")
    return sum(open(x, errors="replace").read().count("find library=libnvidia-ml.so") for x in files)

from autograder.student import preload
for name in preload.PRELOAD:
    importlib.import_module(name)  # libraries of CUDA look for the driver when they are loaded
lookups = driver_lookups()
{before}
preload.preload(gpu=True)
{after}
devices = [os.readlink(x) for x in glob.glob("/proc/self/fd/*") if os.path.islink(x)]
print(json.dumps({{
    "asked": asked,
    "driver lookups": driver_lookups() - lookups,
    "NVML lookups": nvml_lookups(),
    "devices": [x for x in devices if x.startswith("/dev/nvidia")],
    "threads": len(os.listdir("/proc/self/task")),
    "poisoned": torch.cuda._is_in_bad_fork() or torch.cuda._initialized,
}}))
"""
UNTOUCHED = {
    "asked": [], "driver lookups": 0, "NVML lookups": 0, "devices": [], "threads": 1, "poisoned": False,
}  # fmt: skip
linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="reads what glibc's linker does"
)


def preloaded(folder: Path, before: str = "", after: str = "", **env: str) -> dict[str, object]:
    """What preload() asked of CUDA in a process with the environment of a fork server."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    log = {"LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": str(folder / "linker")}
    hidden = {"CUDA_VISIBLE_DEVICES": "", "HOME": str(folder), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before, after=after)],
        env=os.environ | threads | log | hidden | GPU_ENVIRONMENT | env, capture_output=True, check=True, text=True,
    )  # fmt: skip
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


@linux
def test_the_fork_server_asks_cuda_for_nothing(tmp_path: Path) -> None:
    assert preloaded(tmp_path) == UNTOUCHED


@linux
def test_what_would_ask_is_noticed(tmp_path: Path) -> None:
    """Each of these once happened before the fork, and each would leave the forks without a GPU."""
    backward = "torch.ones(2, requires_grad=True).sum().backward()"
    optimizer = "w = torch.ones(2, requires_grad=True); w.grad = w.detach(); torch.optim.Adam([w]).step()"
    found = preloaded(
        tmp_path,
        after=f"{backward}\nos.environ['PYTORCH_NVML_BASED_CUDA_CHECK'] = '0'\ntry:\n  {optimizer}\nexcept RuntimeError: pass",
    )
    assert found["driver lookups"] or found["devices"], "the first backward pass counts the GPUs"
    assert "_cuda_getDeviceCount" in found["asked"], "an optimizer asks whether there is a GPU"  # type: ignore[operator]


@pytest.fixture
def fresh_cuda(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """CUDA before its first use, on a stub of a card with 8 GiB. Returns the shares that were set."""
    shares: list[float] = []
    properties = type("Properties", (), {"total_memory": 8192 * MIB})
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(gpu, "_shown", [False])
    monkeypatch.setattr(torch.cuda, "_queued_calls", [])
    monkeypatch.setattr(torch.cuda, "_lazy_seed_tracker", type("None_", (), {"get_calls": list})())
    monkeypatch.setattr(torch.cuda, "_initialized", False)
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: False)
    monkeypatch.setattr(torch.cuda, "_cudart", object())
    monkeypatch.setattr(torch._C, "_cuda_init", lambda: None, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_getDeviceCount", lambda: 1, raising=False)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(
        torch.cuda, "set_per_process_memory_fraction", lambda share, device: shares.append(share)
    )
    return shares


def test_a_fork_sees_the_gpu_and_is_bounded_when_it_first_uses_it(fresh_cuda: list[float]) -> None:
    gpu.show_gpu("GPU-1234", 2048 * MIB)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "GPU-1234"
    assert fresh_cuda == [], "to show the GPU must not use it"
    torch.cuda.init()
    assert fresh_cuda == [(2048 - 512) / 8192]


def test_without_a_limit_none_is_set(fresh_cuda: list[float]) -> None:
    gpu.show_gpu("0", 0)
    torch.cuda.init()
    assert fresh_cuda == []


@pytest.mark.parametrize(("allowed", "total", "share"), [
    (2048, 8192, 1536 / 8192),
    (600, 8000, 150 / 8000),  # less than two contexts: something is left nevertheless
    (8192, 8192, 7680 / 8192),
    (99999, 8192, 1.0),
])  # fmt: skip
def test_the_context_counts_towards_the_limit(allowed: int, total: int, share: float) -> None:
    assert gpu.allocator_share(allowed * MIB, total * MIB) == pytest.approx(share)


def test_kernels_are_waited_for_only_once_there_can_be_any(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(gpu, "_synchronize", lambda: waited.append(1))
    gpu.wait_for_gpu()
    assert not waited
    monkeypatch.setattr(gpu, "_is_initialized", lambda: True)
    gpu.wait_for_gpu()
    assert waited == [1]


def test_only_a_fork_that_was_to_see_a_gpu_can_lose_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_is_in_bad_fork", lambda: True)
    monkeypatch.setattr(gpu, "_shown", [False])
    assert not gpu.gpu_is_lost()
    monkeypatch.setattr(gpu, "_shown", [True])
    assert gpu.gpu_is_lost()


def failing() -> None:
    raise RuntimeError("CUDA error: device-side assert triggered")


def test_the_error_of_a_kernel_is_the_answer_of_what_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    right = notebook_process.ValueResponse(4, 13, [])
    raised = notebook_process.ErrorResponse(4, ["IndexError"], "before", "")
    assert notebook_process._finished(right) == right
    monkeypatch.setattr(notebook_process, "wait_for_gpu", failing)
    found = notebook_process._finished(right)
    assert isinstance(found, notebook_process.ErrorResponse)
    assert (found.id, found.kinds[0], found.text) == (
        4,
        "RuntimeError",
        "CUDA error: device-side assert triggered",
    )
    assert notebook_process._finished(raised) == raised


def test_so_it_is_with_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = shell.Notebook.__new__(shell.Notebook)
    monkeypatch.setattr(shell, "wait_for_gpu", failing)
    with pytest.raises(RuntimeError, match="device-side"):
        cells._wait_for_gpu(True)
    cells._wait_for_gpu(False)  # the cell has an error already


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing is forked here")
def test_a_copy_that_cannot_be_killed_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As while its kernel runs on the GPU."""
    copy = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with monkeypatch.context() as patch:
            patch.setattr(notebook_process, "END_FORK_SECONDS", 0.05)
            patch.setattr(os, "kill", lambda pid, number: None)
            assert notebook_process._end_fork(copy.pid) == 0
        assert notebook_process._end_fork(copy.pid) == 9
    finally:
        copy.kill()
        copy.wait()


def test_tf32_is_off() -> None:
    """PyTorch allows it in convolutions, where it costs four digits."""
    program = (
        "import torch; from autograder.protocol.global_settings import use_full_precision\n"
        "before = torch.backends.cudnn.allow_tf32; use_full_precision()\n"
        "print(before, torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["True", "False", "False"]
    assert done.stderr == ""
    use_full_precision()
