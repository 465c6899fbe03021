"""Wrong ways to train for one epoch, each from a mistake that students make."""

import copy

import torch
from torch import nn

from autograder.samples import replaces


@replaces("train_one_epoch")
def never_clears_gradients(model, loader, optimizer, criterion, device):
    """The gradients are never cleared: backward() adds to what is there already, so each step
    uses the sum over all the batches before it."""
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


@replaces("train_one_epoch")
def clears_gradients_once(model, loader, optimizer, criterion, device):
    """The gradients are cleared once, before the loop. They pile up within the epoch all the
    same: every batch needs a clean start."""
    model.train()
    optimizer.zero_grad()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def clears_after_backward(model, loader, optimizer, criterion, device):
    """The gradients are cleared between backward() and step(), so the optimizer has nothing to
    step with."""
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


@replaces("train_one_epoch")
def steps_before_backward(model, loader, optimizer, criterion, device):
    """step() comes before backward(): each step uses the gradient of the batch before, and the
    last batch is never used."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def steps_twice(model, loader, optimizer, criterion, device):
    """Every batch takes two optimizer steps with the same gradient; one step a batch is asked
    for."""
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
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def steps_once_an_epoch(model, loader, optimizer, criterion, device):
    """step() stands outside the loop, so the weights move once an epoch and not once a batch."""
    model.train()
    optimizer.zero_grad()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        loss.backward()
        total += loss.item() * len(x)
        n += len(x)
    optimizer.step()
    return total / n


@replaces("train_one_epoch")
def accumulates_two_batches(model, loader, optimizer, criterion, device):
    """The gradients of two batches are gathered before each step; here every batch has a step of
    its own."""
    model.train()
    total, n, waiting = 0.0, 0, False
    for x, y in loader:
        if not waiting:
            optimizer.zero_grad()
        x, y = x.to(device), y.to(device)
        loss = criterion(model(x), y)
        (loss / 2).backward()
        if waiting:
            optimizer.step()
        waiting = not waiting
        total += loss.item() * len(x)
        n += len(x)
    if waiting:
        optimizer.step()
    return total / n


@replaces("train_one_epoch")
def trains_in_eval_mode(model, loader, optimizer, criterion, device):
    """The model is put into eval mode for training, so dropout drops nothing and batch norm
    learns nothing about the data."""
    model.eval()
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


@replaces("train_one_epoch")
def never_sets_the_mode(model, loader, optimizer, criterion, device):
    """The mode is left as it came. After an evaluation the model still stands in eval mode, and
    the next epoch would train without dropout."""
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


@replaces("train_one_epoch")
def mean_of_batch_means(model, loader, optimizer, criterion, device):
    """The batch means are averaged with equal weight, so each sample of a smaller last batch
    counts for more than the others."""
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


@replaces("train_one_epoch")
def divides_by_loader_length(model, loader, optimizer, criterion, device):
    """The sum is divided by len(loader), which a generator does not have, and which counts
    batches where samples are asked for."""
    model.train()
    running_loss = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return running_loss / len(loader)


@replaces("train_one_epoch")
def divides_by_dataset_length(model, loader, optimizer, criterion, device):
    """The sum is divided by len(loader.dataset). A generator has no dataset, and a loader need
    not visit all of it: count the samples that you saw."""
    model.train()
    running_loss = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * len(x)
    return running_loss / len(loader.dataset)


@replaces("train_one_epoch")
def sums_the_batches(model, loader, optimizer, criterion, device):
    """The batch losses are added up and never divided, so the result grows with the number of
    batches."""
    model.train()
    total = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total


@replaces("train_one_epoch")
def returns_the_last_loss(model, loader, optimizer, criterion, device):
    """The loss of the last batch comes back; it says little about the epoch as a whole."""
    model.train()
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


@replaces("train_one_epoch")
def loss_after_the_step(model, loader, optimizer, criterion, device):
    """The loss is taken again after the step. What is asked for is the loss from before it, and
    the second pass also moves batch norm once more."""
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


@replaces("train_one_epoch")
def returns_the_graph(model, loader, optimizer, criterion, device):
    """The losses are added up as tensors with their graphs, so the result drags every batch of
    the epoch along in memory; the plain number is enough."""
    model.train()
    total, n = 0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total = total + loss * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def skips_the_smaller_batch(model, loader, optimizer, criterion, device):
    """A batch smaller than the first is left out; every sample is to be used once."""
    model.train()
    total, n, full = 0.0, 0, 0
    for x, y in loader:
        full = max(full, len(x))
        if len(x) < full:
            continue
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def peeks_at_the_first_batch(model, loader, optimizer, criterion, device):
    """One batch is taken out of the loader to have a look at it. A generator does not give it
    back, so the first batch is never trained on."""
    model.train()
    first, _ = next(iter(loader))
    print("batches of shape", tuple(first.shape))
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


@replaces("train_one_epoch")
def counts_in_a_first_pass(model, loader, optimizer, criterion, device):
    """The samples are counted in a pass of its own, after which a generator is empty: the loop
    that trains gets nothing."""
    model.train()
    n = sum(len(y) for _, y in loader)
    total = 0.0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    return total / n


@replaces("train_one_epoch")
def moves_inputs_only(model, loader, optimizer, criterion, device):
    """The inputs go to the device, the targets stay behind, and the criterion meets tensors from
    two devices."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x = x.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def to_without_assignment(model, loader, optimizer, criterion, device):
    """x.to(device) gives back a tensor and leaves x where it was; unlike a model, a tensor is not
    moved in place."""
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


@replaces("train_one_epoch")
def rounds_the_losses(model, loader, optimizer, criterion, device):
    """Each loss is rounded to four decimals before it is added up. Losses may be as small as that: keep
    the number as it is, and round where it is printed."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += round(loss.item(), 4) * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def shuffles_each_batch(model, loader, optimizer, criterion, device):
    """Each batch is shuffled once more. That changes no mean, but it draws from the global generator,
    and whatever is random afterwards comes out differently."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        order = torch.randperm(len(x))
        x, y = x[order].to(device), y[order].to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def clips_gradients(model, loader, optimizer, criterion, device):
    """The gradients are clipped before each step, which nobody asked for: large ones no longer
    move the weights as the optimizer was told to."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def backward_of_the_sum(model, loader, optimizer, criterion, device):
    """backward() starts from the loss times the batch size. That weight belongs in the average
    that is returned, not in the gradient: the steps become larger by it."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y) * len(x)
        loss.backward()
        optimizer.step()
        total += loss.item()
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def softmax_before_the_loss(model, loader, optimizer, criterion, device):
    """The logits go through a softmax before the criterion, which expects logits: with
    cross-entropy that is softmax twice."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(torch.softmax(model(x), dim=1), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def trains_a_copy(model, loader, optimizer, criterion, device):
    """A copy of the model computes the losses, but the optimizer holds the parameters of the
    original, and those never receive a gradient."""
    net = copy.deepcopy(model).to(device)
    net.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        net.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def starts_from_fresh_weights(model, loader, optimizer, criterion, device):
    """The weights are drawn anew at the start of the epoch, so everything learnt in the epochs
    before is thrown away."""
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
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


@replaces("train_one_epoch")
def descends_by_hand(model, loader, optimizer, criterion, device):
    """The weights are moved by the learning rate times the gradient, by hand. The optimizer that
    was given may be Adam or have momentum; its step is the one to take."""
    model.train()
    lr = optimizer.param_groups[0]["lr"]
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        model.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p -= lr * p.grad
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def squeezes_the_outputs(model, loader, optimizer, criterion, device):
    """squeeze removes every dimension of size 1: with one output, or one sample in the last
    batch, outputs and targets no longer have matching shapes."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x).squeeze(), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


@replaces("train_one_epoch")
def flattens_every_batch(model, loader, optimizer, criterion, device):
    """The batch is flattened before the model sees it. That suits this notebook's MLP, but how an
    input is shaped is the model's own business: a convolution needs the image."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        x = x.reshape(len(x), -1)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n


# hard to catch
@replaces("train_one_epoch")
def resets_the_optimizer(model, loader, optimizer, criterion, device):
    """The optimizer forgets its momentum (or Adam its averages) at the start of each epoch; that
    state is meant to carry over from one epoch to the next."""
    optimizer.state.clear()
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


# hard to catch
@replaces("train_one_epoch")
def freezes_batch_norm(model, loader, optimizer, criterion, device):
    """Batch norm layers are kept in eval mode while the rest trains, so their running statistics
    never learn anything about the data."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()
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
@replaces("train_one_epoch")
def skips_a_batch_of_one(model, loader, optimizer, criterion, device):
    """A batch of one sample is left out, as a remedy for batch norm. A model without batch norm
    trains on one sample well enough, and every sample is to be used once."""
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        if len(x) == 1:
            continue
        x, y = x.to(device), y.to(device)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        n += len(x)
    return total / n
