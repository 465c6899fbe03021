"""Right ways to evaluate a model, none of them the usual one."""

import copy
import sys
import warnings

import numpy as np
import torch

from autograder.samples import replaces


@replaces("evaluate")
@torch.no_grad()
def decorated(model, loader, criterion, device):
    """no_grad as a decorator of the whole function; 0-dim tensors come back."""
    model.eval()
    loss_sum = torch.zeros((), device=device)
    hits = torch.zeros((), device=device)
    n = 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        out = model(x)
        loss_sum += criterion(out, y) * len(y)
        hits += (out.argmax(1) == y).sum()
        n += len(y)
    return loss_sum / n, hits / n


@replaces("evaluate")
def inference_mode(model, loader, criterion, device):
    """inference_mode in place of no_grad; the mode of the model is put back."""
    was_training = model.training
    model.eval()
    total = correct = count = 0
    with torch.inference_mode():
        for batch in loader:
            x, y = batch[0].to(device, non_blocking=True), batch[1].to(device, non_blocking=True)
            logits = model(x)
            total += criterion(logits, y).item() * x.size(0)
            correct += logits.max(dim=1).indices.eq(y).sum().item()
            count += x.size(0)
    model.train(was_training)
    return total / count, correct / count


@replaces("evaluate")
def switches_grad_by_hand(model, loader, criterion, device):
    """set_grad_enabled(False), and back to what it was, whatever happens in between."""
    before = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        model.train(False)
        loss, right, n = 0.0, 0, 0
        for i, (x, y) in enumerate(loader):
            scores = model(x.to(device))
            y = y.to(device)
            k = y.shape[0]
            loss += float(criterion(scores, y)) * k
            right += int(torch.sum(torch.argmax(scores, dim=-1) == y))
            n += k
            if i == 0:
                print("first batch:", k, "samples")
    finally:
        torch.set_grad_enabled(before)
    return loss / n, right / n


@replaces("evaluate")
def all_batches_at_once(model, loader, criterion, device):
    """Outputs and targets of all batches are put together first; one criterion call over them all
    is the mean over samples."""
    model.eval()
    outs, targets = [], []
    with torch.no_grad():
        for x, y in loader:
            outs.append(model(x.to(device)))
            targets.append(y.to(device))
        out, target = torch.cat(outs), torch.cat(targets)
        loss = criterion(out, target)
        accuracy = (out.argmax(dim=1) == target).float().mean()
    return loss.item(), accuracy.item()


@replaces("evaluate")
def numpy_at_the_end(model, loader, criterion, device):
    """One entry for each batch, weighted by its size in NumPy; NumPy numbers come back."""
    model.eval()
    rows = []
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            out = model(x)
            acc = (out.topk(1, dim=1).indices.squeeze(1) == y).double().mean().item()
            rows.append((criterion(out, y).item(), acc, len(x)))
    table = np.array(rows, dtype=np.float64)
    return tuple(np.average(table[:, :2], axis=0, weights=table[:, 2]))


@replaces("evaluate")
def evaluates_a_copy(model, loader, criterion, device):
    """A deep copy goes into eval mode; the model itself is not touched at all."""
    twin = copy.deepcopy(model).eval()
    losses, hits = [], []
    it = iter(loader)
    batch = next(it, None)
    while batch is not None:
        x, y = batch
        with torch.no_grad():
            out = twin(x.to(device))
            value = criterion(out, y.to(device)).item()
        losses += [value] * len(x)
        hits += [out.argmax(1).eq(y.to(device)).sum().item()]
        batch = next(it, None)
    return sum(losses) / len(losses), sum(hits) / len(losses)


@replaces("evaluate")
def updates_two_means(model, loader, criterion, device):
    """Both means are kept up to date batch by batch; a float and a 0-dim tensor come back."""
    model.eval()
    mean_loss, mean_acc, seen = 0.0, 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            logits = model(x)
            k = len(x)
            seen += k
            mean_loss += (criterion(logits, y).item() - mean_loss) * k / seen
            share = logits.log_softmax(dim=1).argmax(dim=1).eq(y).sum().item() / k
            mean_acc += (share - mean_acc) * k / seen
    return mean_loss, torch.tensor(mean_acc)


@replaces("evaluate")
def noisy(model, loader, criterion, device):
    """Prints, warns, writes to stderr, and finds the largest logit by sorting."""
    with torch.set_grad_enabled(False):
        for module in model.modules():
            module.training = False
        wrong, total, n = 0, 0.0, 0
        warnings.warn("evaluation begins", stacklevel=2)
        for x, y in loader:
            x, y = (t.to(device) for t in (x, y))
            out = model(x)
            guess = out.sort(dim=1, descending=True, stable=True).indices[:, 0]
            wrong += (guess != y).long().sum().item()
            total += criterion(out, y).item() * out.shape[0]
            n += out.shape[0]
            print("so far", 1 - wrong / n, file=sys.stderr)
    return total / n, 1 - wrong / n


def _score(model, x, y, criterion):
    out = model(x)
    return criterion(out, y).item() * len(y), out.argmax(dim=1).eq(y).sum().item(), len(y)


@replaces("evaluate")
def helper_and_zip(model, loader, criterion, device):
    """A helper scores one batch under no_grad; zip turns the rows into columns."""
    model.to(device).eval()
    rows = []
    for x, y in loader:
        with torch.no_grad():
            rows.append(_score(model, x.to(device), y.to(device), criterion))
    losses, hits, sizes = zip(*rows, strict=True)
    return sum(losses) / sum(sizes), sum(hits) / sum(sizes)


@replaces("evaluate")
def restores_every_module(model, loader, criterion, device):
    """Each module gets back the mode it had, also one that was frozen in eval mode before."""
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            sums = torch.zeros(3, dtype=torch.float64)
            for x, y in loader:
                out, y = model(x.to(device)), y.to(device)
                loss, hits = criterion(out, y).item(), (out.argmax(1) == y).sum().item()
                sums += torch.tensor([loss * len(y), hits, len(y)], dtype=torch.float64)
    finally:
        for module, was in modes.items():
            module.training = was
    return (sums[0] / sums[2]).item(), (sums[1] / sums[2]).item()
