"""Where a process has no GPU, say in a fork what PyTorch says in any other process."""

from __future__ import annotations

import os
from typing import NoReturn

import torch


def explain_missing_gpu() -> None:
    """Have `.cuda()` fail as in a process that was not forked, instead of with a remark about forks.

    For the fork server, before it forks, and only where the launcher hides the GPUs: PyTorch loses a GPU that
    it has looked for before a fork.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") != "":
        return
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        _fail_with(type(error), str(error))


def hide_gpu() -> None:
    """The same in a fork that is not to see the GPU that is there, without asking CUDA for anything."""
    _fail_with(RuntimeError, "No CUDA GPUs are available")


def _fail_with(kind: type[Exception], text: str) -> None:
    def fail() -> NoReturn:
        raise kind(text)

    torch.cuda._lazy_init = fail  # PyTorch calls this one, from Python and from C++, before it uses a GPU
