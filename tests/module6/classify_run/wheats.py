"""Right ways to judge a run and to choose the next learning rate, none of them the usual one."""

import math

import numpy as np
import torch

from autograder.samples import replaces


@replaces("classify_run")
def numpy_select(losses):
    """NumPy's select, with the conditions in order of rank."""
    a = np.array([float(v) for v in losses], dtype=np.float64)
    first, last = a[0], a[-1]
    bad = not np.isfinite(a).all() or last > 2 * first
    return str(np.select([bad, last > 0.9 * first], ["diverged", "too_slow"], default="converging"))


@replaces("classify_run")
def first_rule_that_holds(losses):
    """A list of rules, of which the first one that holds is taken; prints which one it was."""
    values = [float(v) for v in losses]
    first, last = values[0], values[-1]
    rules = [
        ("diverged", lambda: any(v - v != 0 for v in values)),
        ("diverged", lambda: last > 2 * first),
        ("too_slow", lambda: last > 0.9 * first),
        ("converging", lambda: True),
    ]
    name = next(label for label, holds in rules if holds())
    print("verdict:", name)
    return name


@replaces("classify_run")
def one_pass(losses):
    """A single pass that leaves at the first number that is not finite; for ... else."""
    first = last = None
    for loss in losses:
        last = float(loss)
        if math.isnan(last) or math.isinf(last):
            break
        first = last if first is None else first
    else:
        rank = 2 if last > 2 * first else int(last > 0.9 * first)
        return ("converging", "too_slow", "diverged")[rank]
    return "diverged"


def _verdict(losses):
    t = torch.tensor([float(v) for v in losses], dtype=torch.float64)
    if not bool(t.isfinite().all()) or t[-1] > 2 * t[0]:
        return 2
    return int(t[-1] > 0.9 * t[0])


@replaces("next_learning_rate")
def powers_of_ten(lr, losses):
    """A factor from a table, ten times the rate being the most that is allowed."""
    return lr * 10.0 ** {0: 0, 1: 1, 2: -1}[_verdict(losses)]


@replaces("next_learning_rate")
def the_least_that_is_allowed(lr, losses):
    """Three times the rate when the run was too slow; a NumPy number comes back."""
    match _verdict(losses):
        case 2:
            return np.float64(lr) / 10
        case 1:
            return np.float64(lr) + lr + lr
        case _:
            return np.float64(lr)


@replaces("next_learning_rate")
def geometric_middle(lr, losses):
    """The geometric middle between three and ten times the rate; a 0-dim tensor comes back."""
    lr = float(lr)
    choice = (lr, math.sqrt(3 * lr * 10 * lr), 0.1 * lr)[_verdict(losses)]
    return torch.tensor(choice, dtype=torch.float64)
