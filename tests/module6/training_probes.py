"""Probes of the training loops: small models, loaders, optimizers made from drawn data.

A model is where its data is, but for the probes whose names end in `far`: their data stays on the CPU.
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.fake_device import attempt, on_other_device

# The floating-point entries of each model's state, in the order of its state_dict.
SHAPES = {
    "mlp": [(5, 6), (5,), (3, 5), (3,)],
    "batch norm": [(5, 6), (5,), (5,), (5,), (5,), (5,), (3, 5), (3,)],
    "mode": [(5, 6), (5,), (3, 5), (3,)],
    "dropout": [(5, 6), (5,), (3, 5), (3,)],
    "images": [(2, 1, 2, 2), (2,), (3, 8), (3,)],
    "one output": [(5, 6), (5,), (1, 5), (1,)],
    "column": [(5, 6), (5,), (1, 5), (1,)],
}
GRAPHS = []  # whether each output of a Watched model had a graph behind it


class Mode(nn.Module):
    """Dropout without chance: what it does depends on the mode alone."""

    def forward(self, x):
        return 3 * x - 1 if self.training else x


class Watched(nn.Sequential):
    """Remembers whether a graph was built, also when it is copied first."""

    def forward(self, x):
        out = super().forward(x)
        GRAPHS.append(out.requires_grad)
        return out


def layers(kind):
    """The layers of a model of this kind."""
    if kind == "images":
        return [nn.Conv2d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 3)]
    middle = {
        "batch norm": [nn.BatchNorm1d(5), nn.ReLU()],
        "mode": [nn.Sequential(Mode())],
        "dropout": [nn.ReLU(), nn.Dropout(0.5)],
    }
    last = nn.Linear(5, 1 if kind in ("one output", "column") else 3)
    end = [nn.Flatten(0)] if kind == "one output" else []
    return [nn.Linear(6, 5), *middle.get(kind, [nn.ReLU()]), last, *end]


def build(kind, weights, container=nn.Sequential):
    """A model of this kind that holds these numbers; the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        model = container(*layers(kind))
    numbers = {name: x for name, x in model.state_dict().items() if x.is_floating_point()}
    with torch.no_grad():
        for (name, entry), value in zip(numbers.items(), weights, strict=True):
            entry.copy_(value.abs() + 0.5 if name.endswith("running_var") else value)
    return model


def state(model):
    """Copies of all weights and buffers."""
    return [x.detach().clone() for x in model.state_dict().values()]


def mean_square(out, target):
    """A criterion that is a plain function."""
    return ((out - target) ** 2).mean()


def small_margin(out, target):
    """A criterion of small numbers, not symmetric in its arguments."""
    return 1e-4 * (target * torch.tanh(-out) + 2).exp().mean()


def class_margin(out, target):
    """A criterion of logits and class numbers that is no cross-entropy."""
    rows = torch.arange(len(target), device=out.device)
    return (1e-3 * (out.exp().mean(dim=1) - out[rows, target]) ** 2).mean()


CRITERIA = {
    "CrossEntropyLoss": nn.CrossEntropyLoss(),
    "MSELoss": nn.MSELoss(),
    "mean_square": mean_square,
    "small_margin": small_margin,
    "class_margin": class_margin,
}


class Stream:
    """Can be walked through, and nothing else: no length, no dataset, no indexing."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def make_loader(loader, xs, ys, sizes, seed=0):
    """Batches of these sizes; the shuffled DataLoader knows one size and drops what is left."""
    if loader == "DataLoader":
        order = torch.Generator().manual_seed(seed)
        data = TensorDataset(xs, ys)
        return DataLoader(data, sizes[0], shuffle=True, drop_last=True, generator=order)
    batches = list(zip(xs.split(list(sizes)), ys.split(list(sizes)), strict=True))
    if loader == "generator":
        return (batch for batch in batches)
    return Stream(batches) if loader == "stream" else batches


def make_optimizer(optimizer, model, lr):
    """An optimizer by name; with "two rates" the first parameter has a rate of its own."""
    params = list(model.parameters())
    if optimizer == "Adam":
        # A large eps: no step may hang on the last digit of a gradient near 0.
        return torch.optim.Adam(params, lr=lr, eps=1e-3)
    if optimizer == "two rates":
        return torch.optim.SGD([{"params": params[:1], "lr": lr / 5}, {"params": params[1:]}], lr=lr)
    return torch.optim.SGD(params, lr=lr, momentum=0.9 if optimizer == "momentum" else 0)


def trained(
    nb,
    kind,
    weights,
    xs,
    ys,
    sizes,
    optimizer="SGD",
    lr=0.1,
    criterion="CrossEntropyLoss",
    loader="list",
    epochs=1,
    seed=0,
    function="train_one_epoch",
    training=False,
):
    """{function} with {optimizer}, {criterion}, a {loader} of batches, sizes {sizes}"""
    device = xs.device.type
    model = build(kind, weights).to(device)
    stepper = make_optimizer(optimizer, model, lr)
    losses = []
    for epoch in range(epochs):
        model.train(training)
        batches = make_loader(loader, xs, ys, sizes, seed + epoch)
        losses.append(getattr(nb, function)(model, batches, stepper, CRITERIA[criterion], device))
    return {"losses": losses, "state": state(model)}


def trained_far(nb, kind, weights, xs, ys, sizes, device, function="train_one_epoch"):
    """{function} with the model on another device, the batches on the CPU"""
    home = build(kind, weights)

    def program(device):
        model = home.to(device)
        stepper = make_optimizer("SGD", model, 0.1)
        batches = make_loader("list", xs, ys, sizes)
        loss = getattr(nb, function)(model, batches, stepper, nn.CrossEntropyLoss(), device)
        there = all(map(on_other_device, model.parameters()))
        return {"losses": [loss], "state": state(model), "there": there}

    return attempt(program, device)


def evaluated(
    nb,
    kind,
    weights,
    xs,
    ys,
    sizes,
    criterion="CrossEntropyLoss",
    loader="list",
    grad=True,
    seed=0,
):
    """evaluate with {criterion}, a {loader} of batches, sizes {sizes}"""
    device = xs.device.type
    model = build(kind, weights, Watched).to(device).train()
    for p in model.parameters():
        p.grad = torch.full_like(p, 0.5)
    GRAPHS.clear()
    batches = make_loader(loader, xs, ys, sizes, seed)
    with torch.set_grad_enabled(grad):
        value = nb.evaluate(model, batches, CRITERIA[criterion], device)
        grad_after = torch.is_grad_enabled()
    return {
        "value": value,
        "grad_after": grad_after,
        "graph": any(GRAPHS),
        "state": state(model),
        "trainable": [p.requires_grad for p in model.parameters()],
    }


def evaluated_far(nb, kind, weights, xs, ys, sizes, device):
    """evaluate with the model on another device, the batches on the CPU"""
    home = build(kind, weights)

    def program(device):
        model = home.to(device)
        batches = make_loader("list", xs, ys, sizes)
        value = nb.evaluate(model, batches, nn.CrossEntropyLoss(), device)
        return {"value": value, "there": all(map(on_other_device, model.parameters()))}

    return attempt(program, device)
