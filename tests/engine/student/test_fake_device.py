"""Mistakes on the fake device are caught, and its own limits are reported as limits."""

import io
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.student.device_marks import on_fake_device
from autograder.student.fake_device import attempt, fake_device
from tests.engine.student.programs import Program, data, net


def net_on(device: torch.device) -> nn.Module:
    return net().to(device).eval()


def assigned_gradient(device: torch.device) -> None:
    torch.ones(3, device=device, requires_grad=True).grad = torch.ones(3)


def write_into(device: torch.device) -> None:
    total = torch.tensor(0.0)
    total += torch.ones((), device=device)


MIXED: dict[str, Program] = {
    "batch left behind": lambda d: net_on(d)(data()[0]),
    "to without using the result": lambda d: (data()[0].to(d), net_on(d)(data()[0])),
    "labels left behind": lambda d: F.cross_entropy(net_on(d)(data()[0].to(d)), data()[1]),
    "comparison with labels on the CPU": lambda d: net_on(d)(data()[0].to(d)).argmax(1) == data()[1],
    "model left behind": lambda d: net()(data()[0].to(d)),
    "mask on the CPU": lambda d: torch.ones(3, device=d) * torch.rand(3),
    "sum kept on the CPU": write_into,
    "stack of both": lambda d: torch.stack([torch.tensor(1.0), torch.ones((), device=d)]),
    "cat of both": lambda d: torch.cat([torch.ones(3), torch.ones(3, device=d)]),
    "matmul": lambda d: torch.ones(2, 2) @ torch.ones(2, 2, device=d),
    "index on the device into the CPU": lambda d: torch.ones(4)[torch.tensor([1], device=d)],
    "gather with indices on the CPU": lambda d: torch.ones(1, 4, device=d).gather(1, torch.tensor([[1]])),
    "class weights on the CPU": lambda d: nn.CrossEntropyLoss(weight=torch.ones(3))(
        torch.ones(2, 3, device=d), torch.tensor([0, 1], device=d)
    ),
    "assigned gradient": assigned_gradient,
    "number on the device with a vector on the CPU": lambda d: torch.ones(3) * torch.tensor(2.0, device=d),
    "equal": lambda d: torch.equal(torch.ones(3), torch.ones(3, device=d)),
    "numpy labels": lambda d: torch.ones(3, device=d) - torch.from_numpy(np.ones(3)),
    "default type": lambda d: torch.ones(3, device=d) + torch.Tensor([1, 2, 3]),
    "one label": lambda d: F.cross_entropy(torch.ones(3, device=d), torch.tensor(1)),
    "one index": lambda d: torch.ones(3, device=d).index_select(0, torch.tensor(1)),
    "one word": lambda d: nn.Embedding(3, 2).to(d)(torch.tensor(1)),
    "one bias": lambda d: F.linear(torch.ones(2, 3, device=d), torch.ones(1, 3, device=d), torch.tensor(1.0)),
    "generator on the CPU": lambda d: torch.rand(3, device=d, generator=torch.Generator()),
    "in-place draw from the CPU": lambda d: torch.ones(3, device=d).bernoulli_(
        0.5, generator=torch.Generator()
    ),
    "gradient from the CPU": lambda d: (
        torch.ones(3, device=d, requires_grad=True).mul(2).backward(torch.ones(3))
    ),
    "grad_outputs from the CPU": lambda d: torch.autograd.grad(
        [(x := torch.ones(3, device=d, requires_grad=True)) * 2], [x], [torch.ones(3)]
    ),
}

NUMPY: dict[str, Program] = {
    "numpy": lambda d: torch.ones(3, device=d).numpy(),
    "detach": lambda d: torch.ones(3, device=d, requires_grad=True).detach().numpy(),
    "asarray": lambda d: np.asarray(torch.ones(3, device=d)),
    "mean of a list": lambda d: np.mean([torch.ones((), device=d), torch.ones((), device=d)]),
    "ufunc": lambda d: np.add(np.ones(3), torch.ones(3, device=d).data),
}


@pytest.mark.parametrize("name", MIXED)
def test_mixing_devices_is_caught(name: str) -> None:
    answer = attempt(MIXED[name])
    assert (answer["error"], answer["limit"]) == ("mixed", False)


@pytest.mark.parametrize("name", NUMPY)
def test_asking_the_device_for_a_numpy_array_is_caught(name: str) -> None:
    answer = attempt(NUMPY[name])
    assert (answer["error"], answer["limit"]) == ("numpy", False)


def test_errors_read_as_on_a_real_gpu() -> None:
    with fake_device() as device:
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            torch.ones(3) + torch.ones(3, device=device)
        with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
            torch.ones(3, device=device).numpy()


def test_an_error_in_the_program_itself_is_reported_as_other() -> None:
    answer = attempt(lambda d: torch.ones(2, 3, device=d) @ torch.ones(2, 3, device=d))
    assert answer["error"] == "other: RuntimeError" and not answer["limit"]


def test_a_mistake_behind_another_error_is_still_reported() -> None:
    def program(device: torch.device) -> None:
        try:
            torch.ones(3) + torch.ones(3, device=device)
        except RuntimeError as error:
            raise ValueError("no") from error

    assert attempt(program)["error"] == "mixed"


def test_what_only_the_fake_device_cannot_do_is_a_limit() -> None:
    def casts(device: torch.device) -> None:
        with torch.autocast(device_type=device.type):
            torch.ones(3, device=device).sum()

    def saves(device: torch.device) -> Any:
        buffer = io.BytesIO()
        torch.save(torch.ones(3, device=device), buffer)
        buffer.seek(0)
        return torch.load(buffer) + torch.ones(3, device=device)

    def multiplies(device: torch.device) -> torch.Tensor:
        return torch.eye(3).to_sparse().to(device) @ torch.ones(3, 1, device=device)

    assert attempt(casts)["limit"] and attempt(saves)["limit"] and attempt(multiplies)["limit"]


@pytest.mark.parametrize(
    "made",
    [
        lambda d: torch.ones(2, device=d).to_sparse(),
        lambda d: torch.ones(2).to_sparse().to(d),
        lambda d: torch.sparse_coo_tensor([[0]], [1.0], (2,), device=d),
        lambda d: torch.zeros(2, layout=torch.sparse_coo, device=d),
    ],
    ids=["converted", "moved", "from lists", "zeros"],
)
def test_a_sparse_tensor_on_the_device_is_a_limit_and_no_mistake(made: Any) -> None:
    there = attempt(lambda device: made(device).to_dense() + torch.ones(2, device=device))
    assert there["limit"] and there["error"] != "mixed"
    home = attempt(lambda device: made("cpu").to_dense() + torch.ones(2, device=device))
    assert home["error"] == "mixed" and not home["limit"]


def test_the_mark_lives_as_long_as_the_storage() -> None:
    with fake_device() as device:
        view = torch.ones(4, device=device)[1:]
    assert on_fake_device(view) and not on_fake_device(torch.ones(4))
    assert view.device.type == "cpu"  # outside the context, it is an ordinary tensor
    with fake_device() as device:
        assert view.device == device and (view + 1).device == device


def test_state_survives_from_one_context_to_the_next() -> None:
    with fake_device() as device:
        model = net().to(device)
        optimizer = torch.optim.Adam(model.parameters())
    for _ in range(2):
        with fake_device() as device:
            x, y = (t.to(device) for t in data())
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert all(on_fake_device(p) for p in model.parameters())
