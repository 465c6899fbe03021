"""Right but unusual ways to count the parameters of a fully connected network."""

import functools
import itertools
import sys
import warnings

import numpy as np
import torch
from torch import nn

from autograder.samples import replaces


@replaces("count_params")
def splits_in_halves(architecture, bias=True):
    """Recursion that cuts the list in two halves sharing their middle layer."""

    def count(sizes):
        if len(sizes) < 2:
            return 0
        if len(sizes) == 2:
            return (sizes[0] + bool(bias)) * sizes[1]
        middle = len(sizes) // 2
        return count(sizes[: middle + 1]) + count(sizes[middle:])

    return count([int(s) for s in architecture])


@replaces("count_params")
def dot_product_in_numpy(architecture, bias=True):
    """A dot product of the shifted sizes; the answer is a NumPy float64."""
    sizes = np.array([int(s) for s in architecture], dtype=np.float64)
    return np.dot(sizes[:-1] + (1.0 if bias else 0.0), sizes[1:])


@replaces("count_params")
def zero_dim_tensor(architecture, bias=True):
    """The answer is a 0-dim integer tensor."""
    sizes = torch.tensor([int(s) for s in architecture], dtype=torch.int64)
    total = (sizes[:-1] * sizes[1:]).sum()
    if bias:
        total += sizes[1:].sum()
    return total


@replaces("count_params")
def float_by_true_division(arch, bias=True):
    """Renamed first argument, a while loop, and a float as the answer."""
    total, i = 0, len(arch) - 1
    while i > 0:
        total += 2 * int(arch[i]) * (int(arch[i - 1]) + (1 if bias else 0))
        i -= 1
    return total / 2


@replaces("count_params")
def linear_layers_on_meta(architecture, bias=True):
    """Builds real layers on the meta device, where nothing is allocated or drawn."""
    total = 0
    for n_in, n_out in zip(architecture, architecture[1:]):
        layer = nn.Linear(int(n_in), int(n_out), bias=bool(bias), device="meta")
        total += sum(p.numel() for p in layer.parameters())
    return total


@replaces("count_params")
def reduce_with_state(architecture, bias=True):
    """functools.reduce over a (total, previous size) pair, and a print on the way."""

    def step(state, n_out):
        total, n_in = state
        return total + n_in * n_out + (n_out if bias else 0), n_out

    first, *rest = [int(s) for s in architecture]
    total, _ = functools.reduce(step, rest, (0, first))
    print(f"The network {list(architecture)} has {total:,} parameters")
    return total


@replaces("count_params")
def pairwise_with_warning(architecture, bias=True):
    """itertools.pairwise, a warning about depth, and a note on stderr."""
    sizes = tuple(map(int, architecture))
    if len(sizes) < 2:
        warnings.warn("one layer of units has no parameters", stacklevel=2)
    print("counting", len(sizes) - 1, "weight layers", file=sys.stderr)
    weights = sum(itertools.starmap(int.__mul__, itertools.pairwise(sizes)))
    return weights + bool(bias) * (sum(sizes) - sizes[0])


@replaces("count_params")
def works_on_an_own_copy(architecture, bias=True):
    """Pops from a list of its own, so the caller's list stays whole."""
    rest = list(architecture)
    n_out = int(rest.pop())
    total = 0
    while rest:
        n_in = int(rest.pop())
        total += n_out * n_in
        if bias:
            total += n_out
        n_out = n_in
    return np.int64(total)
