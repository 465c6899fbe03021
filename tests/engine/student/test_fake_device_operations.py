"""Tensor operations on the fake device give the same numbers as on the CPU."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.engine.student.programs import Program, assert_same_as_on_cpu, data


def losses(device: torch.device) -> Any:
    x, y = (t.to(device) for t in data())
    z = (x.flatten(1) @ torch.ones(6, 1, device=device)).squeeze(1).requires_grad_()
    t = (y > 0).float()
    out = [
        nn.MSELoss()(z, t),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0))(z, t),
        nn.BCELoss()(torch.sigmoid(z), t),
        nn.L1Loss()(z, t),
        nn.HuberLoss()(z, t),
        F.nll_loss(F.log_softmax(x.flatten(1), dim=1), y),
        nn.CrossEntropyLoss(weight=torch.ones(6, device=device), label_smoothing=0.1)(x.flatten(1), y),
    ]
    torch.stack(out).sum().backward()
    assert z.grad is not None and z.grad.device == device
    return out, z.grad


def indexing(device: torch.device) -> Any:
    x, y = (t.to(device) for t in data())
    flat = x.flatten(1)
    mask = y == 1
    rows = torch.arange(len(y), device=device)
    copied = flat.clone()
    copied[mask] = 0.0
    copied[0] = torch.tensor(7.0)
    copied[1, :2] = torch.ones(2).to(device)
    copied[torch.tensor([2, 3])] *= 2
    copied[4] = torch.ones(6)  # a copy, which may cross devices
    return [
        flat[mask],
        flat[rows, y],
        flat[torch.tensor([0, 2])],
        flat[mask.cpu()],
        flat[y[0]],
        flat[rows[3] : rows[5]],
        torch.nonzero(mask),
        mask.nonzero(as_tuple=True),
        flat.gather(1, y[:, None]),
        torch.unique(y, return_counts=True),
        torch.where(mask, flat[:, 0], 0.0),
        F.one_hot(y, 3),
        flat.masked_fill(mask[:, None], torch.tensor(-1.0)),
        copied,
        flat.max(dim=1).values,
        flat.sort(dim=0).indices,
        flat.topk(2).values,
        torch.bincount(y),
        torch.cat([flat, flat[:1]]),
        torch.stack([flat[0], flat[1]]),
        flat.T.contiguous().view(-1)[::2],
        [row.sum().item() for row in flat],
    ]


def numbers(device: torch.device) -> Any:
    a = torch.tensor([1.0, 2.0, 3.0], device=device)
    total = 0.0
    total += a.sum() * 3
    if a.mean() > 1 and bool((a > 0).all()):
        total = total + torch.tensor(5.0)  # a 0-dim number from the CPU
    cpu_total = torch.tensor(0.0)
    cpu_total += a.sum().item()
    cpu_total += a.sum().cpu()
    kept = torch.tensor([a[0], a[1]])  # numbers in a list go to the CPU
    return [
        total,
        cpu_total,
        kept + torch.zeros(2),
        float(a[0]),
        int(a[1]),
        a.tolist(),
        2 / a,
        a**2 - 1,
        np.float64(3) * a,
        a.cpu().numpy().sum(),
        a.numpy(force=True).sum(),
        np.asarray(a.to("cpu")).mean(),
        torch.as_tensor(a, device="cpu").numpy().sum(),
        torch.zeros_like(a).add_(1),
        torch.zeros_like(a, device="cpu").numpy().sum(),
        a.new_full((2,), 4.0),
        torch.full((2,), 1.5, device=a.device) * a[:2],
        torch.as_tensor([1.0, 1, 1], device=device) + a,
        torch.as_tensor(np.ones(3, dtype=np.float32), device=device) + a,
        torch.tensor(a.tolist(), device=device) + a,
        torch.ones(3).to(a) + a,
        torch.ones(3).type_as(a) + a,
        torch.ones(3).type(a.type()) + a.type(torch.float64) + a.type("torch.FloatTensor").to(device),
        torch.linspace(0, 1, 3, device=str(device)) + a,
        a.double().to(torch.float32).sum(),
        torch.lerp(a, a * 2, 0.5),
        a.clamp(min=2),
        len(f"{a} {a[0]:.2f} {a.shape} {a.device}") > 0,
    ]


def gradients(device: torch.device) -> Any:
    w = torch.linspace(-1, 1, 6, requires_grad=True)  # a leaf on the CPU, used on the fake device
    moved = w.to(device)
    loss = (moved.relu() * torch.arange(6, device=device)).sum().cpu() + w.sum()
    loss.backward()
    assert w.grad is not None and w.grad.device.type == "cpu"
    (grad,) = torch.autograd.grad((moved * moved).sum(), moved)
    x = torch.ones(3, device=device, requires_grad=True)
    y = x * 2
    y.backward(torch.ones(3, device=device))
    x.sum().backward(torch.tensor(1.0))  # a number is moved to its output
    x.grad = x.grad + 1 if x.grad is not None else None
    before = torch.is_grad_enabled()
    with torch.no_grad():
        silent = (x * 2).requires_grad
    jacobian = torch.autograd.functional.jacobian(lambda v: v**2, x.detach())
    per_sample = torch.func.vmap(torch.func.grad(lambda v: (v**2).sum()))(moved.detach()[:, None])
    return w.grad.tolist(), grad, x.grad, before, silent, jacobian, per_sample


def layers(device: torch.device) -> Any:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()).to(device)
    image = torch.ones(2, 1, 8, 8).to(device)
    attention = nn.MultiheadAttention(4, 2, batch_first=True).to(device)
    seq = torch.ones(2, 3, 4, device=device)
    rnn = nn.LSTM(4, 5, batch_first=True).to(device)
    emb = nn.Embedding(5, 4).to(device)
    norm = nn.LayerNorm(4).to(device)
    ids = torch.tensor([[1, 2, 3]], device=device)
    for module in (model, attention, rnn, emb, norm):
        module.eval()
    out = [model(image), attention(seq, seq, seq)[0], rnn(seq)[0], norm(emb(ids))]
    torch.stack([o.sum() for o in out]).sum().backward()
    return out, model[0].weight.grad


def default_device(device: torch.device) -> Any:
    with torch.device(device):
        a = torch.ones(3)
        mask = torch.rand(3) < 2
    assert a.device == device and mask.device == device
    return a * mask


def functional_calls(device: torch.device) -> Any:
    torch.manual_seed(1)
    x = torch.ones(4, 6).to(device)
    out = F.dropout(x, 0.5), F.dropout(x, 0.5, training=False)
    kept = (torch.rand_like(x) < 0.5) * x
    noise = torch.randn(x.shape, device=x.device) + torch.empty_like(x).normal_()
    mask = torch.bernoulli(torch.full_like(x, 0.5)) * x
    other = torch.einsum("ij,kj->ik", x, x), torch.tensordot(x, x.T, 1), torch.cdist(x, x)
    return *out, kept, noise, mask, *other, torch.randperm(4, device=device), x.std(), x.norm()


PROGRAMS: dict[str, Program] = {
    "losses": losses,
    "indexing": indexing,
    "numbers": numbers,
    "gradients": gradients,
    "layers": layers,
    "default device": default_device,
    "functional calls": functional_calls,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_correct_code_gives_the_same_numbers_as_on_the_cpu(name: str) -> None:
    assert_same_as_on_cpu(PROGRAMS[name])
