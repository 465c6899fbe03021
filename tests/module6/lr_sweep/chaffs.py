"""Wrong ways to sweep learning rates, each from a mistake that students make."""

import copy
import math
import random

import numpy as np
import torch
from torch import nn

from autograder.samples import replaces


@replaces("lr_sweep")
def seeds_once(make_model, X, y, lrs, steps, seed=0):
    """The seed is set once before the loop, so every learning rate begins with other weights. Set
    it again for each one, or the curves cannot be compared."""
    torch.manual_seed(seed)
    results = {}
    for lr in lrs:
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def one_model_for_all(make_model, X, y, lrs, steps, seed=0):
    """All learning rates train one and the same model: each begins where the one before it
    ended."""
    torch.manual_seed(seed)
    model = make_model()
    results = {}
    for lr in lrs:
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def seeds_after_the_model(make_model, X, y, lrs, steps, seed=0):
    """The seed is set when the model has already drawn its weights. Seed first, then build."""
    results = {}
    for lr in lrs:
        model = make_model()
        torch.manual_seed(seed)
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def loss_after_the_step(make_model, X, y, lrs, steps, seed=0):
    """The loss is measured again after the step and that one is recorded. The curve is to begin
    with the loss of the untrained model."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            opt.zero_grad()
            nn.functional.mse_loss(model(X), y).backward()
            opt.step()
            with torch.no_grad():
                losses.append(nn.functional.mse_loss(model(X), y).item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def stops_at_divergence(make_model, X, y, lrs, steps, seed=0):
    """The run ends as soon as the loss is not finite, and its curve is shorter than the others. A
    diverged run is a result as well: record it to the end."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                break
            opt.zero_grad()
            loss.backward()
            opt.step()
        results[lr] = losses
    return results


@replaces("lr_sweep")
def infinity_for_nan(make_model, X, y, lrs, steps, seed=0):
    """A loss that is not a number is recorded as infinite, so that the plot looks tidy. Record what
    comes: inf and nan are different things."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(math.inf if math.isnan(loss.item()) else loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def never_clears(make_model, X, y, lrs, steps, seed=0):
    """Nothing clears the gradients, so every step goes by the sum of all gradients so far."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def with_momentum(make_model, X, y, lrs, steps, seed=0):
    """Momentum 0.9 is switched on, which makes the steps up to ten times as long: what is measured
    is then no longer the learning rate alone. Plain SGD is asked for."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def clips_the_gradients(make_model, X, y, lrs, steps, seed=0):
    """The gradients are clipped to length 1, so that nothing blows up. That hides just what a sweep
    is there to show."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


# hard to catch
@replaces("lr_sweep")
def copies_of_one_model(make_model, X, y, lrs, steps, seed=0):
    """One model is built and copied for every learning rate. The weights are the same, but with
    dropout in the model the random numbers run on from one rate to the next: seed each run anew."""
    torch.manual_seed(seed)
    blank = make_model()
    results = {}
    for lr in lrs:
        model = copy.deepcopy(blank)
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


# hard to catch
@replaces("lr_sweep")
def tries_the_model_first(make_model, X, y, lrs, steps, seed=0):
    """One forward pass is made before training, to see whether the shapes fit. With dropout it uses
    up random numbers, and with batch norm it moves the running averages."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        assert model(X).shape == y.shape
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


# hard to catch
@replaces("lr_sweep")
def in_eval_mode(make_model, X, y, lrs, steps, seed=0):
    """The model is put into eval mode, so that the losses do not jump about. It is being trained,
    and dropout belongs to that."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model().eval()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def seed_built_in(make_model, X, y, lrs, steps, seed=0):
    """The seed is 0 whatever the caller passes. 0 is the default only; with other seeds one finds out
    whether a result was luck."""
    results = {}
    for lr in lrs:
        torch.manual_seed(0)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


# hard to catch
@replaces("lr_sweep")
def begins_with_one_loss(make_model, X, y, lrs, steps, seed=0):
    """The first loss is noted before the loop and one more after each further step. That comes to as
    many losses as steps, but for no steps at all: then there is nothing to note."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        loss = nn.functional.mse_loss(model(X), y)
        losses = [loss.item()]
        for _ in range(steps - 1):
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss = nn.functional.mse_loss(model(X), y)
            losses.append(loss.item())
        results[lr] = losses
    return results


# hard to catch
@replaces("lr_sweep")
def targets_as_a_column(make_model, X, y, lrs, steps, seed=0):
    """The targets are made a column, to be on the safe side. Where the model gives a flat row of
    numbers, a row and a column are spread out to a table, and everything is compared with everything."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y.reshape(-1, 1))
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def rounds_the_losses(make_model, X, y, lrs, steps, seed=0):
    """The losses are rounded to six decimals, which is plenty where they are near 1. Losses come at
    any scale, and small ones are rounded away."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(round(loss.item(), 6))
        results[lr] = losses
    return results


# hard to catch
@replaces("lr_sweep")
def seeds_every_generator(make_model, X, y, lrs, steps, seed=0):
    """Python's and NumPy's generators are seeded too, although nothing here draws from them. Whoever
    does will from now on get the same numbers after each sweep."""
    results = {}
    for lr in lrs:
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            loss = nn.functional.mse_loss(model(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        results[lr] = losses
    return results


@replaces("lr_sweep")
def evens_out_the_rates(make_model, X, y, lrs, steps, seed=0):
    """The rates between the smallest and the largest are replaced by evenly spaced ones: sweep the
    rates that are given, whatever lies between them."""
    results = {}
    for lr in np.linspace(min(lrs), max(lrs), len(lrs)).tolist():
        torch.manual_seed(seed)
        model = make_model()
        opt = torch.optim.SGD(model.parameters(), lr=lr)
        losses = []
        for _ in range(steps):
            opt.zero_grad()
            loss = nn.functional.mse_loss(model(X), y)
            loss.backward()
            losses.append(loss.item())
            opt.step()
        results[lr] = losses
    return results
