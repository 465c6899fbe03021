"""Right repairs of the broken loop, none of them the usual one."""

import sys
import warnings

import numpy as np
import torch

from autograder.samples import replaces


@replaces("repaired_loop")
def closure_for_the_step(model, loader, optimizer, criterion, device):
    """Clearing, forward and backward stand in a closure, whose loss the optimizer hands back."""
    model.train(True)
    total = count = 0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)

        def closure(inputs=inputs, targets=targets):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            return loss

        total += optimizer.step(closure).item() * len(targets)
        count += len(targets)
    return total / count


@replaces("repaired_loop")
def clears_after_the_step(model, loader, optimizer, criterion, device):
    """Gradients are dropped by hand after each step, since they are clear on entry; the sum is kept
    on the device, and a 0-dim tensor comes back."""
    model.train()
    total = torch.zeros((), device=device)
    seen = 0
    for pair in loader:
        x, y = (part.to(device) for part in pair)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        for p in model.parameters():
            p.grad = None
        total = total + loss.detach() * y.size(0)
        seen += y.size(0)
    return total / seen


@replaces("repaired_loop")
def clears_before_backward(model, loader, optimizer, criterion, device):
    """Clears between the forward and the backward pass; sizes and losses in two lists, and a
    weighted average in NumPy."""
    for module in model.modules():
        module.training = True
    losses, sizes = [], []
    it = iter(loader)
    while (batch := next(it, None)) is not None:
        x, y = batch[0].to(device=device), batch[1].to(device=device)
        loss = criterion(model(x), y)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        sizes.append(x.shape[0])
    return np.average(losses, weights=sizes)


@replaces("repaired_loop")
def running_mean(model, loader, optimizer, criterion, device):
    """The mean is kept up to date from batch to batch, and the old mode is put back at the end;
    warns and writes to stderr."""
    before = model.training
    model.train()
    mean, seen = 0.0, 0
    for number, (x, y) in enumerate(loader, start=1):
        model.zero_grad()
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        torch.autograd.backward([loss])
        optimizer.step()
        seen += len(x)
        mean += (loss.item() - mean) * len(x) / seen
        print("batch", number, "mean", mean, file=sys.stderr)
    if not before:
        warnings.warn("the model came in eval mode", stacklevel=2)
    model.train(before)
    return mean


def _one_batch(model, batch, optimizer, criterion, device):
    x, y = batch
    x, y = x.to(device), y.to(device)
    with torch.enable_grad():
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
    optimizer.step()
    return float(loss.detach()) * x.size(0), x.size(0)


@replaces("repaired_loop")
def one_helper_per_batch(model, loader, optimizer, criterion, device):
    """A helper does the work of one batch; zip turns the rows into columns."""
    model.train()
    rows = [_one_batch(model, batch, optimizer, criterion, device) for batch in loader]
    sums, sizes = zip(*rows, strict=True)
    return sum(sums) / sum(sizes)
