"""Right ways to train for one epoch, none of them the usual one."""

import sys
import warnings

import numpy as np
import torch

from autograder.samples import replaces


@replaces("train_one_epoch")
def steps_with_a_closure(model, loader, optimizer, criterion, device):
    """The work of a batch is a closure that the optimizer calls itself."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)

        def closure():
            optimizer.zero_grad()
            loss = criterion(model(x), y)  # noqa: B023 - called before the next batch
            loss.backward()
            return loss

        loss = optimizer.step(closure)
        total += loss.item() * x.size(0)
        n += x.size(0)
    return total / n


@replaces("train_one_epoch")
def zeroes_at_the_end(model, loader, optimizer, criterion, device):
    """Gradients are cleared after each step, in time for the next batch."""
    model.train(True)
    losses, sizes = [], []
    for x, y in loader:
        x = x.to(device, non_blocking=True)
        y = y.to(device, non_blocking=True)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        sizes.append(len(x))
    return sum(a * k for a, k in zip(losses, sizes, strict=True)) / sum(sizes)


@replaces("train_one_epoch")
def zeroes_between_forward_and_backward(model, loader, optimizer, criterion, device):
    """Gradients are cleared after the forward pass; only backward adds to them, so that is soon
    enough. They are set to zero and not to None."""
    model.train()
    running, seen = 0.0, 0
    for batch in loader:
        features, labels = batch
        features = features.to(device)
        labels = labels.to(device)
        out = model(features)
        loss = criterion(out, labels)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        running += float(loss) * labels.shape[0]
        seen += labels.shape[0]
    return running / seen


@replaces("train_one_epoch")
def clears_grad_by_hand(model, loader, optimizer, criterion, device):
    """p.grad = None for each parameter that the optimizer holds; the loader is walked by next."""
    model.train()
    it = iter(loader)
    total, count = 0, 0
    while True:
        try:
            x, y = next(it)
        except StopIteration:
            break
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = None
        loss = criterion(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        count += len(y)
        total += loss.detach().item() * len(y)
    return total / count


@replaces("train_one_epoch")
def accumulates_on_the_device(model, loader, optimizer, criterion, device):
    """The sum stays a detached tensor on the device; a 0-dim tensor comes back."""
    model.train()
    total = torch.zeros((), device=device)
    n = 0
    for _, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.detach() * x.shape[0]
        n += x.shape[0]
    return total / n


@replaces("train_one_epoch")
def autograd_grad(model, loader, optimizer, criterion, device):
    """torch.autograd.grad and an assignment to .grad in place of backward()."""
    model.train()
    params = [p for g in optimizer.param_groups for p in g["params"] if p.requires_grad]
    pairs = []
    for x, y in loader:
        loss = criterion(model(x.to(device)), y.to(device))
        grads = torch.autograd.grad(loss, params, allow_unused=True)
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()
        pairs.append((loss.item(), len(x)))
    return sum(value * k for value, k in pairs) / sum(k for _, k in pairs)


@replaces("train_one_epoch")
def running_mean(model, loader, optimizer, criterion, device):
    """The mean over samples is kept up to date instead of being divided out at the end."""
    model = model.train()
    mean, seen = 0.0, 0
    for inputs, labels in loader:
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()
        k = inputs.size(0)
        seen += k
        mean += (loss.item() - mean) * k / seen
    return mean


@replaces("train_one_epoch")
def numpy_average(model, loader, optimizer, criterion, device):
    """np.average with the batch sizes as weights; a NumPy number comes back."""
    model.train()
    values, weights = [], []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb.to(device)), yb.to(device))
        loss.backward(retain_graph=True)
        values.append(loss.item())
        weights.append(xb.shape[0])
        optimizer.step()
    return np.average(np.array(values, dtype=np.float64), weights=weights)


@replaces("train_one_epoch")
def disabled_grad_scaler(model, loader, optimizer, criterion, device):
    """A mixed-precision recipe from the web with the scaler switched off."""
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    model.train()
    loss_sum, n_samples = 0.0, 0
    for step, batch in enumerate(loader, start=1):
        x, y = (t.to(device) for t in batch)
        with torch.enable_grad():
            loss = criterion(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        loss_sum += loss.item() * y.size(0)
        n_samples += y.size(0)
        if step % 100 == 0:
            print("batch", step, loss_sum / n_samples)
    return loss_sum / n_samples


def _one_batch(model, x, y, optimizer, criterion):
    model.zero_grad()
    optimizer.zero_grad()
    loss = criterion(model(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


@replaces("train_one_epoch")
def helper_for_a_batch(model, loader, optimizer, criterion, device):
    """A helper trains on one batch; prints, warns and writes to stderr."""
    model.to(device)
    model.train()
    warnings.warn("training begins", stacklevel=2)
    history = []
    for x, y in loader:
        value = _one_batch(model, x.to(device), y.to(device), optimizer, criterion)
        history += [value] * len(x)
        print(f"loss {value:.4f}", file=sys.stderr)
    print(len(history), "samples")
    return sum(history) / len(history)


@replaces("train_one_epoch")
def puts_the_mode_back(model, loader, optimizer, criterion, device):
    """The mode in which the model came is put back when the epoch is over, gradients are wiped."""
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    total, n = 0.0, 0
    try:
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total, n = total + loss.item() * len(x), n + len(x)
    finally:
        for module, was in modes:
            module.training = was
        optimizer.zero_grad()
    return total / n


@replaces("train_one_epoch")
def generator_inside(model, loader, optimizer, criterion, device):
    """A generator trains while its values are added up in double precision."""

    def losses():
        model.train()
        for x, y in loader:
            loss = criterion(model(x.to(device)), y.to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield torch.tensor([loss.item() * len(y), len(y)], dtype=torch.float64)

    total, n = sum(losses())
    return (total / n).item()
