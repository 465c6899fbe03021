"""What a student's process does about a GPU.

A process that has asked the CUDA driver for anything cannot be forked: its forks have no GPU. So the fork
server asks it for nothing. It runs with CUDA_VISIBLE_DEVICES="" and PYTORCH_NVML_BASED_CUDA_CHECK=1, with
which `torch.cuda.is_available()`, and whatever calls it, such as an optimizer's step, answers from the
environment alone. One thing asks nevertheless: the first backward pass counts the GPUs from C++, and the
answer stays for good. preload() therefore does without one.

Each fork gets its own CUDA_VISIBLE_DEVICES, and creates a CUDA context when its notebook first uses the GPU.
"""

from __future__ import annotations

import os

import torch

from autograder.core.limits import MIB

CONTEXT_BYTES = 512 * MIB
"""About what a CUDA context takes, beside what PyTorch's allocator hands out."""
SMALLEST_SHARE = 0.25
"""The share of a submission's memory that the allocator may hand out, however large a context is."""

# Kept here because student code may assign to these names.
_is_initialized, _synchronize = torch.cuda.is_initialized, torch.cuda.synchronize
_is_in_bad_fork = torch.cuda._is_in_bad_fork
_shown = [False]


def show_gpu(visible: str, device_bytes: int) -> None:
    """In a process for one submission: let it see the GPU, and have PyTorch refuse to allocate more of it.

    `visible` is the value for CUDA_VISIBLE_DEVICES. `device_bytes`, 0 for no limit, includes the context.
    PyTorch's limit holds for each process, and code that means to can lift it: see process/card_watch.py.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = visible
    _shown[0] = True
    if device_bytes:
        # Runs when CUDA is first used, and not before: to ask how large the GPU is takes a context.
        torch.cuda._lazy_call(lambda: _limit_allocator(device_bytes))


def allocator_share(device_bytes: int, total_bytes: int) -> float:
    """The share of a GPU that PyTorch's allocator may hand out to one process."""
    allocatable = max(device_bytes - CONTEXT_BYTES, int(device_bytes * SMALLEST_SHARE))
    return min(1.0, allocatable / total_bytes)


def _limit_allocator(device_bytes: int) -> None:
    for device in range(torch.cuda.device_count()):
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(allocator_share(device_bytes, total), device)


def wait_for_gpu() -> None:
    """Wait until every kernel has ended. Raises the error of one that failed.

    Kernels run on after the line that starts them. Without this, one that fails or never ends would be
    charged to a later cell.
    """
    if _is_initialized():  # type: ignore[no-untyped-call]
        _synchronize()


def gpu_is_lost() -> bool:
    """Whether this process was to see a GPU, but was forked after CUDA had been asked for something.

    PyTorch does not say of a process whether its forks will be like that, so a fork has to look.
    """
    return _shown[0] and bool(_is_in_bad_fork())
