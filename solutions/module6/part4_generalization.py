"""Reference solutions of part4_generalization.

Made from source/module6/part4_generalization.ipynb: do not edit, run `autograder release`.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader


def dropout(x, p, training=True):
    """Inverted dropout.

    x: a float tensor of any shape; p: the probability of a zero, 0 <= p <= 1;
    training: False hands the values through.
    Returns a tensor of the same shape, dtype and device.
    """
    if not training or p == 0:
        return x
    keep = torch.rand(x.shape, device=x.device) >= p  # rand is below 1: at p = 1 none is kept
    kept = torch.where(keep, x, 0)
    return kept / (1 - p) if p < 1 else kept


def early_stop(val_losses, patience, min_delta=0.0):
    """Where early stopping ends a run.

    val_losses: one loss per epoch, at least one, perhaps a generator; patience: whole number >= 1;
    min_delta >= 0: by how much an epoch has to be better than the best.
    Returns (best_epoch, stop_epoch), counted from 0.
    """
    best_loss, best_epoch = math.inf, -1
    for epoch, loss in enumerate(val_losses):
        if loss < best_loss - min_delta:
            best_loss, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            break
    return max(best_epoch, 0), epoch


def fit_early_stopping(model, train_step, val_loss, max_epochs, patience):
    """Train until the validation loss stops improving, then go back to the best epoch.

    train_step(model): trains one epoch; val_loss(model): a float; max_epochs, patience >= 1.
    Returns {"best_epoch": int, "val_losses": one float per epoch run}; `model` holds the weights
    and buffers of the best epoch.
    """
    losses, best, best_epoch, saved = [], math.inf, -1, []
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(float(val_loss(model)))
        if losses[-1] < best:
            best, best_epoch = losses[-1], epoch
            saved = [part.detach().clone() for part in (*model.parameters(), *model.buffers())]
        elif epoch - best_epoch >= patience:
            break
    if saved:
        with torch.no_grad():
            for part, then in zip((*model.parameters(), *model.buffers()), saved):
                part.copy_(then)
    return {"best_epoch": max(best_epoch, 0), "val_losses": losses}


def diagnose_curves(train_losses, val_losses):
    """Name what the curves of a run show.

    train_losses, val_losses: one loss per epoch, equally long; lists, arrays or tensors.
    Returns "diverging", "overfitting", "underfitting" or "good".
    """
    train, val = (np.array([float(v) for v in curve]) for curve in (train_losses, val_losses))
    tenth = max(1, len(train) // 10)
    if not np.isfinite([train, val]).all() or train[-3:].mean() > 1.5 * train[0]:
        return "diverging"
    best = val.argmin()
    rises = val[-tenth:].mean() > 1.15 * val[best]
    if best < 0.8 * len(val) and rises and train[-tenth:].mean() < train[best]:
        return "overfitting"
    return "underfitting" if train[-tenth:].mean() > 0.7 * train[0] else "good"


def train_val_split(n, val_fraction, seed):
    """Share out 0 ... n - 1 at random, with a generator of its own.

    Returns (train_idx, val_idx); val_idx has n * val_fraction members, rounded.
    """
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist()
    n_val = round(n * val_fraction)
    return order[n_val:], order[:n_val]


def fit_mnist(dataset, epochs=5, seed=0, device="cpu"):
    """Train a digit classifier.

    dataset: len(dataset) pairs (float image (1, 28, 28), int 0 to 9).
    Returns an nn.Module on `device`: (N, 1, 28, 28) -> (N, 10).
    """
    with torch.random.fork_rng():  # the caller's random state is back when the block ends
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10)
        ).to(device)
        adam = torch.optim.Adam(model.parameters(), lr=2e-3)
        items = [dataset[i] for i in range(len(dataset))]  # read and decode each image once
        model.train()
        for _ in range(epochs):
            for images, digits in DataLoader(items, batch_size=32, shuffle=True):
                adam.zero_grad()
                F.cross_entropy(model(images.to(device)), digits.to(device)).backward()
                adam.step()
    return model.eval()


def memorization_report(make_model, train_fn, X, y, X_test, y_test, seed):
    """Train on the labels and, afresh, on a permutation of them.

    make_model(): a new classifier; train_fn(model, X, y): trains it in place;
    X (n, ...), y (n,) int64, X_test (m, ...), y_test (m,) int64.
    Returns {"true": (train acc, test acc), "shuffled": (train acc, test acc), "params": int}.
    """
    def accuracy(model, inputs, labels):
        with torch.no_grad():
            return (model(inputs).argmax(dim=1) == labels).double().mean().item()

    mixed = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed)).to(y.device)
    report = {}
    for name, labels in [("true", y), ("shuffled", y[mixed])]:
        model = make_model()
        train_fn(model, X, labels)
        model.eval()
        report[name] = accuracy(model, X, labels), accuracy(model, X_test, y_test)
    report["params"] = sum(part.numel() for part in model.parameters())
    return report
