"""Answer the grader with the settings of a fresh process. Runs in the student's process.

A notebook may legally turn warnings into errors, look for anomalies, or leave gradients off. Such a setting
is about what the student wants to be told while working; it would break or slow down right functions when the
grader calls them. Two settings stay, because they belong to what the student computes: float64 as the default
dtype (see protocol/default_dtype.py), and a recursion limit that was raised.
"""

from __future__ import annotations

import gc
import random
import signal
import tracemalloc
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as torch_module
from torch.optim import optimizer as torch_optimizer

from autograder.protocol.default_dtype import ACCURATE
from autograder.protocol.global_settings import (
    DEFAULT_DTYPE,
    RECURSION_LIMIT,
    Values,
    put_back,
    read_settings,
)

# Functions that the grader's probes call, and that a slip such as `torch.manual_seed = 0` replaces.
_SEEDING: tuple[tuple[Any, str, Any], ...] = tuple(
    (owner, name, getattr(owner, name))
    for owner, names in (
        (torch, ("manual_seed", "seed", "get_rng_state", "set_rng_state", "set_grad_enabled", "no_grad")),
        (torch, ("set_default_dtype", "get_default_dtype", "is_grad_enabled")),
        (torch.random, ("manual_seed", "fork_rng", "get_rng_state", "set_rng_state")),
        (np.random, ("seed", "get_state", "set_state", "rand", "randn")),
        (random, ("seed", "random", "getstate", "setstate")),
    )
    for name in names
)
# Hooks that run for every module or optimizer of the process.
_HOOKS: tuple[dict[Any, Any], ...] = (
    torch_module._global_forward_pre_hooks,
    torch_module._global_forward_hooks,
    torch_module._global_forward_hooks_always_called,
    torch_module._global_forward_hooks_with_kwargs,
    torch_module._global_backward_pre_hooks,
    torch_module._global_backward_hooks,
    torch_optimizer._global_optimizer_pre_hooks,
    torch_optimizer._global_optimizer_post_hooks,
)
_fresh: Values = {}


def remember_fresh_settings() -> None:
    """Remember the settings as they are now, before the notebook's first cell."""
    _fresh.update(read_settings())


def put_back_fresh_settings() -> None:
    """Undo what the notebook's cells have set, except for what belongs to the student's computation."""
    now = read_settings()
    wanted = dict(_fresh)
    if now[DEFAULT_DTYPE] in ACCURATE:
        wanted[DEFAULT_DTYPE] = now[DEFAULT_DTYPE]
    wanted[RECURSION_LIMIT] = max(now[RECURSION_LIMIT], _fresh[RECURSION_LIMIT])
    put_back(wanted)
    torch.set_flush_denormal(False)  # it cannot be read
    for hooks in _HOOKS:
        hooks.clear()
    for owner, name, function in _SEEDING:
        setattr(owner, name, function)
    gc.callbacks.clear()
    tracemalloc.stop()
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
