"""What the fake device cannot tell, each with the shortest program that shows it.

As a program, `python -m tests.engine.student.blind_spots cuda:0`, it runs all of them, and those that the fake device
gets right, on a real device and prints what came of each as JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.student.fake_device import attempt
from tests.engine.student.programs import Program, plain
from tests.engine.student.test_fake_device import MIXED, NUMPY
from tests.engine.student.test_fake_device_operations import PROGRAMS as OPERATIONS
from tests.engine.student.test_fake_device_training import OPTIMIZERS, train
from tests.engine.student.test_fake_device_training import PROGRAMS as TRAINING

REFUSED = MIXED | NUMPY
"""What the fake device refuses."""
ACCEPTED: dict[str, Program] = OPERATIONS | TRAINING
"""What it runs as the CPU does."""
for _name, _make in OPTIMIZERS.items():
    ACCEPTED[f"training with {_name}"] = partial(train, make_optimizer=_make)
ERROR = "an error"


class BlindSpot(NamedTuple):
    """A program, and what comes of it: a value, ERROR, or the report of `attempt` ("limit")."""

    program: Program
    fake: Any
    card: Any


class TimesOnes(torch.autograd.Function):
    """x * 1, with ones on the CPU for its gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        return gradients[0] * torch.ones(3)


def in_a_thread(device: torch.device) -> Any:
    x = torch.ones(3, device=device)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: x + torch.ones(3)).result()


def own_backward(device: torch.device) -> Any:
    x = torch.ones(3, device=device, requires_grad=True)
    TimesOnes.apply(x).sum().backward()
    return x.grad


def traced(device: torch.device) -> Any:
    plus_ones = torch.jit.trace(lambda x: x + torch.ones(3), torch.ones(3))
    return plus_ones(torch.ones(3, device=device))


def branch_for_a_gpu(device: torch.device) -> Any:
    x = torch.ones(3, device=device)
    return x + torch.ones(3) if x.is_cuda else x + 1


def whole_numbers(device: torch.device) -> Any:
    x = torch.ones(2, 2, dtype=torch.int64, device=device)
    return x @ x


def pinned(device: torch.device) -> Any:
    data = TensorDataset(torch.ones(3, 2, device=device))
    return next(iter(DataLoader(data, batch_size=3, pin_memory=True)))


def state_of_the_cpu(device: torch.device) -> Any:
    state, first = torch.get_rng_state(), torch.rand(3, device=device)
    torch.set_rng_state(state)
    return torch.equal(first, torch.rand(3, device=device))


def same_draws(device: torch.device) -> Any:
    drawn = [(torch.manual_seed(0), torch.rand(3, device=place).tolist()) for place in ("cpu", device)]
    return drawn[0][1] == drawn[1][1]


def same_rounding(device: torch.device) -> Any:
    x = torch.randn(512, 512, generator=torch.Generator().manual_seed(0))
    return torch.equal((x.to(device) @ x.to(device)).cpu(), x @ x)


def index_error(device: torch.device) -> Any:
    try:
        return torch.ones(3, device=device)[torch.tensor([7], device=device)].tolist()
    except IndexError:
        return "caught"


def autocast(device: torch.device) -> Any:
    x = torch.ones(2, 2, device=device)
    with torch.autocast(device.type, dtype=torch.bfloat16):
        return x @ x


def fused(device: torch.device) -> Any:
    w = torch.ones(2, device=device, requires_grad=True)
    w.sum().backward()
    torch.optim.Adam([w], lr=1.0, fused=True).step()
    return w.round()


# A device mistake that the fake device lets pass.
MISSED = {
    "in another thread": BlindSpot(in_a_thread, [2.0] * 3, ERROR),
    "in a function's own backward pass": BlindSpot(own_backward, [1.0] * 3, ERROR),
    "in traced or scripted code": BlindSpot(traced, [2.0] * 3, ERROR),
    "in a branch for GPUs": BlindSpot(branch_for_a_gpu, [2.0] * 3, ERROR),
    "products of whole numbers": BlindSpot(whole_numbers, [2, 2, 2, 2], ERROR),
    "pin_memory for data on the device": BlindSpot(pinned, [1.0] * 6, ERROR),
}
# Code without a mistake that the fake device cannot run: it reports its limit, and the check gives no verdict.
LIMITS = {
    "sparse tensors": BlindSpot(
        lambda d: torch.eye(2).to_sparse().to(d) @ torch.ones(2, 1, device=d), "limit", [1.0, 1.0]
    ),
    "autocast": BlindSpot(autocast, "limit", [2.0] * 4),
    "a generator on the device": BlindSpot(
        lambda d: len(torch.rand(3, device=d, generator=torch.Generator(d).manual_seed(0))), "limit", [3]
    ),
    "pickle and torch.save": BlindSpot(
        lambda d: pickle.loads(pickle.dumps(torch.ones(2, device=d))), "limit", [1.0, 1.0]
    ),
    "fused optimizers": BlindSpot(fused, "limit", [0.0, 0.0]),
    "DLPack": BlindSpot(lambda d: torch.from_dlpack(torch.ones(2, device=d)), "limit", [1.0, 1.0]),
}
# The same, but reported as an error: no verdict if the CPU can run it.
FAILS = {
    "the meta device": BlindSpot(lambda d: torch.ones(2**50, device="meta").numel() == 2**50, ERROR, [True]),
}
# Code that works on both and gives something else.
OTHER_ANSWERS = {
    "is_cuda": BlindSpot(lambda d: nn.Linear(1, 1).to(d).weight.is_cuda, [False], [True]),
    "get_device": BlindSpot(lambda d: torch.ones(3, device=d).get_device(), [-1], [0]),
    "the number of the device": BlindSpot(
        lambda d: torch.ones(3, device=d.type).device == torch.device(d.type), [True], [False]
    ),
    "the device of the storage": BlindSpot(
        lambda d: torch.ones(3, device=d).untyped_storage().device.type == "cpu", [True], [False]
    ),
    "the CPU's random state": BlindSpot(state_of_the_cpu, [True], [False]),
    "which numbers a seed draws": BlindSpot(same_draws, [True], [False]),
    "rounding": BlindSpot(same_rounding, [True], [False]),
    "an index out of range": BlindSpot(index_error, ["caught"], ERROR),
}
BLIND_SPOTS = MISSED | LIMITS | FAILS | OTHER_ANSWERS
LAST = "an index out of range"
"""What comes after this on a card fails as well: the process has to start anew."""


def on_the_fake_device(program: Program) -> Any:
    """The value as a flat list; ERROR, or "limit"."""
    report = attempt(program)
    if report["limit"]:
        return "limit"
    return ERROR if report["error"] else plain(report["value"])


def on_a_real_device(program: Program, device: torch.device) -> Any:
    try:
        return plain(program(device))
    except Exception:  # noqa: BLE001  whatever it is
        return ERROR


def main(name: str) -> None:
    torch.ones(1, device=name)  # without such a device, everything would be an error
    programs = REFUSED | ACCEPTED | {spot: BLIND_SPOTS[spot].program for spot in BLIND_SPOTS}
    order = [*(spot for spot in programs if spot != LAST), LAST]
    found = {spot: on_a_real_device(programs[spot], torch.device(name)) for spot in order}
    print(json.dumps(found, default=repr), flush=True)
    os._exit(0)  # what is left of the process is not fit to end in order


if __name__ == "__main__":
    main(sys.argv[1])
