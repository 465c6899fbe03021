"""Training and evaluation on the fake device give the same numbers as on the CPU."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.student.device_marks import on_fake_device
from tests.engine.student.programs import Program, assert_same_as_on_cpu, data, loader, net


def train(device: torch.device, make_optimizer: Any, set_to_none: bool = True) -> Any:
    model = net().to(device)
    optimizer = make_optimizer(model.parameters())
    total = torch.zeros((), device=device)
    torch.manual_seed(5)
    for x, y in loader():
        x, y = x.to(device), y.to(device)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=set_to_none)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total += loss.detach() * len(x)
    assert all(p.device == device for p in model.parameters())
    assert all(b.device == device for b in model.buffers())
    return total.item(), [v.cpu() for v in model.state_dict().values()]


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "momentum foreach": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, foreach=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "adam foreach": lambda p: torch.optim.Adam(p, lr=0.01, foreach=True, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5),
    "rmsprop foreach": lambda p: torch.optim.RMSprop(p, lr=0.01, foreach=True),
}


def closure(device: torch.device) -> Any:
    model = net().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = (t.to(device, non_blocking=True) for t in data())

    def again() -> torch.Tensor:
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(model(x), y)
        loss.backward()
        return loss

    torch.manual_seed(0)
    return [optimizer.step(again).item() for _ in range(3)], list(model.parameters())


def lbfgs(device: torch.device) -> Any:
    w = torch.tensor([3.0, -2.0], device=device, requires_grad=True)
    optimizer = torch.optim.LBFGS([w])

    def again() -> torch.Tensor:
        optimizer.zero_grad()
        loss = ((w - torch.arange(2.0, device=device)) ** 2).sum()
        loss.backward()
        return loss

    optimizer.step(again)
    return w


def evaluation(device: torch.device) -> Any:
    model = net().to(device).eval()
    hits, total, n = 0, 0.0, 0
    confusion = torch.zeros(3, 3, dtype=torch.int64, device=device)
    with torch.inference_mode():
        for x, y in loader():
            x, y = x.to(device), y.to(device)
            out = model(x)
            hits += int((out.argmax(1) == y).sum().item())
            total += float(F.cross_entropy(out, y, reduction="sum"))
            n += y.numel()
            confusion.index_put_((y, out.argmax(1)), torch.ones_like(y), accumulate=True)
    return hits / n, total / n, confusion.tolist(), f"{total / n:.4f}"


def modules(device: torch.device) -> Any:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # before the move, as some students do
    first = next(model.parameters())
    assert model.to(device) is model and next(model.parameters()) is first
    twin = copy.deepcopy(model)
    saved = {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(2):
        x, y = (t.to(next(model.parameters()).device) for t in data())
        optimizer.zero_grad(set_to_none=False)
        F.cross_entropy(model.train()(x), y).backward()
        optimizer.step()
    changed = [p.detach().clone() for p in model.parameters()]
    back = [p.sum() - q.sum() for p, q in zip(twin.parameters(), model.parameters(), strict=True)]
    model.load_state_dict(saved)
    twin.load_state_dict({name: value.cpu() for name, value in saved.items()})  # copy_ may cross devices
    twin.eval(), model.eval()
    agree = torch.equal(model(x), twin(x))
    other = nn.Linear(6, 2, device=device)
    with torch.no_grad():
        other.weight.fill_(0.5)
        other.bias.zero_()
    model.cpu()
    out = model(data()[0])
    return changed, back, agree, other(x.flatten(1)), out, on_fake_device(out)


PROGRAMS: dict[str, Program] = {
    "closure": closure,
    "lbfgs": lbfgs,
    "evaluation": evaluation,
    "modules": modules,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_correct_training_code_gives_the_same_numbers_as_on_the_cpu(name: str) -> None:
    assert_same_as_on_cpu(PROGRAMS[name])


@pytest.mark.parametrize("set_to_none", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_gives_the_same_numbers_as_on_the_cpu(name: str, set_to_none: bool) -> None:
    assert_same_as_on_cpu(lambda device: train(device, OPTIMIZERS[name], set_to_none))
