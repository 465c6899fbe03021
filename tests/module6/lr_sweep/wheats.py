"""Right ways to sweep learning rates, none of them the usual one."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from autograder.samples import replaces


@replaces("lr_sweep")
def steps_with_a_closure(make_model, X, y, lrs, steps, seed=0):
    """The optimizer is given a closure and hands back its loss; tuples of floats come back."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        sgd = torch.optim.SGD(model.parameters(), lr)

        def closure(model=model, sgd=sgd):
            sgd.zero_grad()
            loss = F.mse_loss(model(X), y)
            loss.backward()
            return loss

        results[lr] = tuple(sgd.step(closure).item() for _ in range(steps))
    return results


@replaces("lr_sweep")
def descends_by_hand(make_model, X, y, lrs, steps, seed=0):
    """No optimizer: autograd.grad and a subtraction, which is all that plain SGD does."""
    curves = dict()
    for lr in lrs:
        torch.manual_seed(seed)
        net = make_model()
        weights = [p for p in net.parameters() if p.requires_grad]
        curve = []
        while len(curve) < steps:
            loss = (net(X) - y).pow(2).mean()
            slopes = torch.autograd.grad(loss, weights, allow_unused=True)
            with torch.no_grad():
                for w, g in zip(weights, slopes, strict=True):
                    if g is not None:
                        w -= lr * g
            curve.append(loss.item())
        curves[lr] = curve
    return curves


def _curve(make_model, X, y, lr, steps, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make_model()
        optimizer = torch.optim.SGD(model.parameters(), lr=lr)
        criterion = nn.MSELoss()
        values = np.empty(steps)
        for k in range(steps):
            optimizer.zero_grad(set_to_none=False)
            loss = criterion(model(X), y)
            loss.backward()
            optimizer.step()
            values[k] = loss.item()
    return values


@replaces("lr_sweep")
def puts_the_generator_back(make_model, X, y, lrs, steps, seed=0):
    """Each run has the generator to itself, which then gets its old state back; arrays come
    back."""
    return {lr: _curve(make_model, X, y, lr, steps, seed) for lr in lrs}


@replaces("lr_sweep")
def tensors_of_losses(make_model, X, y, lrs, steps, seed=0):
    """Each curve is a tensor without a graph; gradients are dropped after the step."""
    table = {lr: torch.empty(steps, dtype=torch.float64, device=X.device) for lr in lrs}
    for lr, row in table.items():
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        for step in range(steps):
            loss = torch.mean(torch.square(y - model(X)))
            row[step] = loss.detach()
            loss.backward()
            opt.step()
            model.zero_grad()
    return table


def _one_run(model, X, y, lr):
    """Yields the loss before every step, for ever."""
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    values = {name: p.detach().clone() for name, p in model.named_parameters()}
    while True:
        leaves = {k: v.detach().requires_grad_(k in names) for k, v in values.items()}
        loss = F.mse_loss(torch.func.functional_call(model, leaves, (X,)), y)
        yield loss.item()
        loss.backward()
        with torch.no_grad():
            values = {k: v if v.grad is None else v - lr * v.grad for k, v in leaves.items()}


@replaces("lr_sweep")
def endless_generator(make_model, X, y, lrs, steps, seed=0):
    """A generator yields losses without end and only `steps` of them are taken; the weights live
    outside the model."""
    results = {}
    for lr in sorted(lrs, reverse=True):
        torch.manual_seed(seed)
        stream = _one_run(make_model(), X, y, lr)
        results[lr] = [next(stream) for _ in range(steps)]
        print("learning rate", lr, "done")
    return results
