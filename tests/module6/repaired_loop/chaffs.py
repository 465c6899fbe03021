"""Repairs of the broken loop that leave or make a fault, each from a mistake that students make."""

import torch

from autograder.samples import replaces


@replaces("repaired_loop")
def never_clears(model, loader, optimizer, criterion, device):
    """The gradients are still never cleared. backward() adds to what is there, so each step goes by
    the sum of all batches so far."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("repaired_loop")
def steps_after_the_loop(model, loader, optimizer, criterion, device):
    """step() stands outside the loop, so the model takes a single step, by the gradient of the last
    batch. Each batch gets a step of its own."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        total += loss.item() * len(x)
        n += len(x)
    optimizer.step()
    return total / n


@replaces("repaired_loop")
def clears_before_the_step(model, loader, optimizer, criterion, device):
    """zero_grad stands between backward() and step(), and wipes out the gradients that the step was
    to use: the model learns nothing."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("repaired_loop")
def leaves_the_mode(model, loader, optimizer, criterion, device):
    """The mode is left as it was found. After an evaluation the model is in eval mode, and would be
    trained without dropout and with frozen batch norm."""
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("repaired_loop")
def mean_of_the_means(model, loader, optimizer, criterion, device):
    """The batch means are averaged with equal weight, so that the samples of a smaller last batch
    count for more. Weigh each mean by the size of its batch."""
    model.train()
    losses = []
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@replaces("repaired_loop")
def divides_means_by_samples(model, loader, optimizer, criterion, device):
    """The batch means are added up and divided by the number of samples. The criterion has divided
    once already: turn each mean back into a sum first."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
        n += len(x)
    return total / n


@replaces("repaired_loop")
def loss_after_the_step(model, loader, optimizer, criterion, device):
    """The loss is computed a second time after the step and that one is reported. Asked for is the
    loss that was sent backward, as it was before the step."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        criterion(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            total += criterion(model(x), y).item() * len(x)
        n += len(x)
    return total / n


@replaces("repaired_loop")
def keeps_the_graph(model, loader, optimizer, criterion, device):
    """The losses are added up as tensors with their graphs, and every batch of the epoch stays in
    memory. Add up plain numbers."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss * len(x)
        n += len(x)
    return total / n


@replaces("repaired_loop")
def moves_without_keeping(model, loader, optimizer, criterion, device):
    """x.to(device) hands back a new tensor and leaves x where it was; here nobody keeps the new
    one. On a CPU it makes no difference."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x.to(device)
        y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


# hard to catch
@replaces("repaired_loop")
def targets_first(model, loader, optimizer, criterion, device):
    """The targets are given to the criterion as predictions and the predictions as targets. The
    squared error does not mind; cross-entropy does."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(y, model(x))
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


# hard to catch
@replaces("repaired_loop")
def new_optimizer_every_epoch(model, loader, optimizer, criterion, device):
    """A new optimizer of the same kind is made at the start of each call. It has forgotten momentum
    and Adam's averages, which are to carry over from epoch to epoch."""
    model.train()
    optimizer = type(optimizer)(optimizer.param_groups)
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


# hard to catch
@replaces("repaired_loop")
def size_of_the_first_batch(model, loader, optimizer, criterion, device):
    """Every loss is weighted by the size of the first batch, while the samples are counted as they
    are. The last batch may be smaller, and then its weight is wrong."""
    model.train()
    total, n, size = 0.0, 0, None
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        size = size or len(x)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * size
        n += len(x)
    return total / n


# hard to catch
@replaces("repaired_loop")
def walks_through_twice(model, loader, optimizer, criterion, device):
    """After the epoch the loader is walked through once more to count the samples. A generator can be
    walked through only once: count on the way."""
    model.train()
    total = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    return total / sum(len(x) for x, _ in loader)


# hard to catch
@replaces("repaired_loop")
def seeds_for_repeatability(model, loader, optimizer, criterion, device):
    """The global generator is seeded before the epoch. Every epoch then drops the same units, and all
    other randomness of the program starts over too."""
    torch.manual_seed(0)
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n
