"""Right ways to read a pair of curves, none of them the usual one."""

import math
import statistics
import sys

import numpy as np
import torch

from autograder.samples import replaces


@replaces("diagnose_curves")
def all_in_numpy(train_losses, val_losses):
    """Arrays and NumPy's own means; the label is picked by np.select."""
    train = np.asarray([float(v) for v in train_losses])
    val = np.asarray([float(v) for v in val_losses])
    if not (np.isfinite(train).all() and np.isfinite(val).all()):
        return "diverging"
    n = len(val)
    tail = max(1, n // 10)
    best = int(val.argmin())
    falls = train[-tail:].mean() < train[best]
    rules = [
        train[-3:].mean() > 1.5 * train[0],
        best < 0.8 * n and val[-tail:].mean() > 1.15 * val[best] and falls,
        train[-tail:].mean() > 0.7 * train[0],
    ]
    return str(np.select(rules, ["diverging", "overfitting", "underfitting"], default="good"))


def _is_overfit(train, val):
    best = min(range(len(val)), key=lambda epoch: val[epoch])
    if best >= 0.8 * (len(val) - 1):
        return False
    k = math.ceil(len(val) / 10)
    return statistics.fmean(val[-k:]) / val[best] > 1.15 and train[-1] < train[best]


@replaces("diagnose_curves")
def from_the_last_rule_to_the_first(train_losses, val_losses):
    """The rules are gone through backwards, and each that holds overwrites the verdict before."""
    train, val = list(map(float, train_losses)), list(map(float, val_losses))
    if not math.isfinite(sum(abs(v) / 1e30 for v in train + val)):
        return "diverging"
    verdict = "good"
    if statistics.fmean(train[-math.ceil(len(train) / 10) :]) > 0.7 * train[0]:
        verdict = "underfitting"
    if _is_overfit(train, val):
        verdict = "overfitting"
    if statistics.fmean(train[-3:]) > 1.5 * train[0]:
        verdict = "diverging"
    return verdict


@replaces("diagnose_curves")
def measured_in_first_losses(train_losses, val_losses):
    """Both curves are divided by their own scale first; a match statement names the result."""
    train = torch.tensor([float(v) for v in train_losses], dtype=torch.float64)
    val = torch.tensor([float(v) for v in val_losses], dtype=torch.float64)
    finite = bool(torch.isfinite(train).all() & torch.isfinite(val).all())
    if finite:
        train, val = train / train[0], val / val.min()
    k = max(1, round(len(train) / 10))
    best = int(val.argmin())
    explodes = not finite or bool(train[-3:].mean() > 1.5)
    rises = best + 1 <= 0.8 * len(val) and bool(val[-k:].mean() > 1.15)
    falls = bool(train[-k:].mean() < train[best])
    stuck = bool(train[-k:].mean() > 0.7)
    match (explodes, rises and falls, stuck):
        case (True, _, _):
            return "diverging"
        case (_, True, _):
            return "overfitting"
        case (_, _, True):
            return "underfitting"
    return "good"


@replaces("diagnose_curves")
def first_rule_that_holds(train_losses, val_losses):
    """A table of rules as lambdas, looked through by next; talks on stderr."""
    train = [float(v) for v in train_losses]
    val = [float(v) for v in val_losses]
    n = len(train)
    tenth = slice(n - max(n // 10, 1), n)

    def mean(part):
        return math.fsum(part) / len(part)

    def best_epoch():
        return val.index(min(val))

    rules = {
        "diverging": lambda: (
            not all(map(math.isfinite, [*train, *val])) or mean(train[n - 3 :]) > 1.5 * train[0]
        ),
        "overfitting": lambda: (
            best_epoch() < 0.8 * n
            and mean(val[tenth]) > 1.15 * min(val)
            and mean(train[tenth]) < mean(train[best_epoch() : best_epoch() + 1])
        ),
        "underfitting": lambda: mean(train[tenth]) > 0.7 * train[0],
        "good": lambda: True,
    }
    print("curves of", n, "epochs", file=sys.stderr)
    return next(label for label, holds in rules.items() if holds())


@replaces("diagnose_curves")
def one_walk_through_the_epochs(train_losses, val_losses):
    """A single loop that keeps all it needs to know; no list is made of the curves."""
    n = len(train_losses)
    k = n // 10 or 1
    best, best_at, train_at_best = math.inf, -1, math.inf
    last_three = train_end = val_end = 0.0
    for epoch, (a, b) in enumerate(zip(train_losses, val_losses, strict=True)):
        a, b = float(a), float(b)
        if a - a != 0 or b - b != 0:
            return "diverging"
        if b < best:
            best, best_at, train_at_best = b, epoch, a
        last_three += a / 3 if epoch >= n - 3 else 0
        train_end += a / k if epoch >= n - k else 0
        val_end += b / k if epoch >= n - k else 0
    first = float(train_losses[0])
    if last_three > 1.5 * first:
        return "diverging"
    if best_at < 0.8 * n and val_end > 1.15 * best and train_end < train_at_best:
        return "overfitting"
    return "underfitting" if train_end > 0.7 * first else "good"
