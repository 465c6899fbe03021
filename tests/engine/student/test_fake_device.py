"""The pretended device: right programs give the numbers of the CPU, mistakes are caught."""

import copy
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.student.device_marks import on_fake_device
from autograder.student.fake_device import attempt, fake_device

Program = Callable[[torch.device], Any]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tensors this small only lose time to threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def plain(value: Any) -> list[Any]:
    """The values of a result in a row, for a comparison."""
    if isinstance(value, torch.Tensor):
        return plain(value.detach().double().tolist())
    if isinstance(value, tuple | list):
        return [leaf for item in value for leaf in plain(item)]
    return [value]


def net() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(6, 8),
        nn.BatchNorm1d(8),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(8, 3),
    )


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(22, 2, 3, generator=generator)
    return x, torch.randint(0, 3, (22,), generator=generator)


def loader(size: int = 5) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*data()), batch_size=size)


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
    copied[4] = torch.ones(6)  # a copy, and copies may cross
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
    kept = torch.tensor([a[0], a[1]])  # numbers in a list come home
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
        torch.linspace(0, 1, 3, device=str(device)) + a,
        a.double().to(torch.float32).sum(),
        torch.lerp(a, a * 2, 0.5),
        a.clamp(min=2),
        len(f"{a} {a[0]:.2f} {a.shape} {a.device}") > 0,
    ]


def modules(device: torch.device) -> Any:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # before the move, as some write it
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
    twin.load_state_dict({name: value.cpu() for name, value in saved.items()})  # copy_ may cross
    twin.eval(), model.eval()
    agree = torch.equal(model(x), twin(x))
    other = nn.Linear(6, 2, device=device)
    with torch.no_grad():
        other.weight.fill_(0.5)
        other.bias.zero_()
    model.cpu()
    out = model(data()[0])
    return changed, back, agree, other(x.flatten(1)), out, on_fake_device(out)


def gradients(device: torch.device) -> Any:
    w = torch.linspace(-1, 1, 6, requires_grad=True)  # a leaf at home, the work far away
    far = w.to(device)
    loss = (far.relu() * torch.arange(6, device=device)).sum().cpu() + w.sum()
    loss.backward()
    assert w.grad is not None and w.grad.device.type == "cpu"
    (grad,) = torch.autograd.grad((far * far).sum(), far)
    x = torch.ones(3, device=device, requires_grad=True)
    y = x * 2
    y.backward(torch.ones(3, device=device))
    x.grad = x.grad + 1 if x.grad is not None else None
    before = torch.is_grad_enabled()
    with torch.no_grad():
        silent = (x * 2).requires_grad
    jacobian = torch.autograd.functional.jacobian(lambda v: v**2, x.detach())
    per_sample = torch.func.vmap(torch.func.grad(lambda v: (v**2).sum()))(far.detach()[:, None])
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
    "closure": closure,
    "lbfgs": lbfgs,
    "evaluation": evaluation,
    "losses": losses,
    "indexing": indexing,
    "numbers": numbers,
    "modules": modules,
    "gradients": gradients,
    "layers": layers,
    "default device": default_device,
    "functional calls": functional_calls,
}


def same(program: Program) -> None:
    want = plain(program(torch.device("cpu")))
    got = attempt(program)
    assert (got["error"], got["limit"]) == (None, False)
    numbers = [isinstance(leaf, int | float) for leaf in want]
    found = plain(got["value"])
    assert len(found) == len(want)
    for leaf, wanted, is_number in zip(found, want, numbers, strict=True):
        assert leaf == (pytest.approx(wanted, rel=1e-6, abs=1e-9) if is_number else wanted)


@pytest.mark.parametrize("name", PROGRAMS)
def test_right_program_gives_the_numbers_of_the_cpu(name: str) -> None:
    same(PROGRAMS[name])


@pytest.mark.parametrize("set_to_none", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_gives_the_numbers_of_the_cpu(name: str, set_to_none: bool) -> None:
    same(lambda device: train(device, OPTIMIZERS[name], set_to_none))


def far_net(device: torch.device) -> nn.Module:
    return net().to(device).eval()


def assigned_gradient(device: torch.device) -> None:
    torch.ones(3, device=device, requires_grad=True).grad = torch.ones(3)


def write_into(device: torch.device) -> None:
    total = torch.tensor(0.0)
    total += torch.ones((), device=device)


MIXED: dict[str, Program] = {
    "batch left behind": lambda d: far_net(d)(data()[0]),
    "to without using the result": lambda d: (data()[0].to(d), far_net(d)(data()[0])),
    "labels left behind": lambda d: F.cross_entropy(far_net(d)(data()[0].to(d)), data()[1]),
    "comparison with labels at home": lambda d: far_net(d)(data()[0].to(d)).argmax(1) == data()[1],
    "model left behind": lambda d: net()(data()[0].to(d)),
    "mask at home": lambda d: torch.ones(3, device=d) * torch.rand(3),
    "sum kept at home": write_into,
    "stack of both": lambda d: torch.stack([torch.tensor(1.0), torch.ones((), device=d)]),
    "cat of both": lambda d: torch.cat([torch.ones(3), torch.ones(3, device=d)]),
    "matmul": lambda d: torch.ones(2, 2) @ torch.ones(2, 2, device=d),
    "far index into home": lambda d: torch.ones(4)[torch.tensor([1], device=d)],
    "gather with indices at home": lambda d: torch.ones(1, 4, device=d).gather(1, torch.tensor([[1]])),
    "class weights at home": lambda d: nn.CrossEntropyLoss(weight=torch.ones(3))(
        torch.ones(2, 3, device=d), torch.tensor([0, 1], device=d)
    ),
    "assigned gradient": assigned_gradient,
    "far number with a vector at home": lambda d: torch.ones(3) * torch.tensor(2.0, device=d),
    "equal": lambda d: torch.equal(torch.ones(3), torch.ones(3, device=d)),
    "numpy labels": lambda d: torch.ones(3, device=d) - torch.from_numpy(np.ones(3)),
    "default type": lambda d: torch.ones(3, device=d) + torch.Tensor([1, 2, 3]),
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
def test_numpy_of_a_far_tensor_is_caught(name: str) -> None:
    answer = attempt(NUMPY[name])
    assert (answer["error"], answer["limit"]) == ("numpy", False)


def test_errors_read_as_on_a_real_card() -> None:
    with fake_device() as device:
        with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
            torch.ones(3) + torch.ones(3, device=device)
        with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
            torch.ones(3, device=device).numpy()


def test_an_error_of_the_program_itself_is_told_apart() -> None:
    answer = attempt(lambda d: torch.ones(2, 3, device=d) @ torch.ones(2, 3, device=d))
    assert answer["error"] == "other: RuntimeError" and not answer["limit"]


def test_a_fault_in_a_wrapped_error_keeps_its_name() -> None:
    def program(device: torch.device) -> None:
        try:
            torch.ones(3) + torch.ones(3, device=device)
        except RuntimeError as error:
            raise ValueError("no") from error

    assert attempt(program)["error"] == "mixed"


def test_what_only_the_pretence_cannot_do_is_a_limit() -> None:
    def casts(device: torch.device) -> None:
        with torch.autocast(device_type=device.type):
            torch.ones(3, device=device).sum()

    def saves(device: torch.device) -> Any:
        buffer = io.BytesIO()
        torch.save(torch.ones(3, device=device), buffer)
        buffer.seek(0)
        return torch.load(buffer) + torch.ones(3, device=device)

    assert attempt(casts)["limit"] and attempt(saves)["limit"]


def test_the_mark_lives_as_long_as_the_storage() -> None:
    with fake_device() as device:
        view = torch.ones(4, device=device)[1:]
    assert on_fake_device(view) and not on_fake_device(torch.ones(4))
    assert view.device.type == "cpu"  # outside, a far tensor is an ordinary one
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
