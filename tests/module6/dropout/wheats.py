"""Right ways to write dropout, none of them the usual one."""

import sys
import warnings

import torch
from torch import nn

from autograder.samples import replaces


@replaces("dropout")
def module_in_the_right_mode(x, p, training=True):
    """A throw-away nn.Dropout, put into the mode that was asked for."""
    layer = nn.Dropout(p=float(p))
    return layer.train(bool(training))(x)


@replaces("dropout")
def bernoulli_mask(x, p, training=True):
    """A Bernoulli draw of the keep probability for every element; prints how many were kept."""
    if not training:
        print("nothing to drop")
        return x.clone()
    if p == 1:
        return x * 0
    mask = torch.bernoulli(torch.full_like(x, 1 - p))
    print("kept:", mask.sum(), file=sys.stderr)
    return x * mask.div_(1 - p)


@replaces("dropout")
def where_after_scaling(x, p, training=True):
    """The factor is worked out first, so nothing is ever divided by zero; where does the rest."""
    if training:
        factor = 1 / (1 - p) if p < 1 else 0.0
        keep = torch.rand_like(x) >= p
        x = torch.where(keep, x * factor, torch.zeros_like(x))
    return x


@replaces("dropout")
def exponential_clock(x, p, training=True):
    """Every element gets an exponential waiting time; those that ring before -log(1 - p) drop."""
    if not training or p == 0:
        return x
    deadline = -torch.log1p(torch.tensor(-float(p), dtype=torch.float64)).to(x.device)
    clock = torch.empty(x.shape, dtype=torch.float64, device=x.device).exponential_()
    if p == 1:
        warnings.warn("everything is dropped", stacklevel=2)
        return torch.zeros_like(x) * x
    return x.masked_fill(clock < deadline, 0) / (1 - p)


class _Dropped(torch.autograd.Function):
    """Forward and backward by hand: both multiply by the same factors."""

    @staticmethod
    def forward(ctx, x, factors):
        ctx.save_for_backward(factors)
        return x * factors

    @staticmethod
    def backward(ctx, grad):
        (factors,) = ctx.saved_tensors
        return grad * factors, None


@replaces("dropout")
def own_autograd_function(x, p, training=True):
    """An autograd function with its own backward; in eval mode x itself comes back."""
    if not training:
        return x
    keep = 1.0 - p
    factors = (torch.rand(x.shape, device=x.device) < keep).to(x.dtype)
    return _Dropped.apply(x, factors / keep if keep else factors)


@replaces("dropout")
def draws_on_the_cpu_and_moves(x, p, training=True):
    """One flat row of draws on the CPU, set in place, given the shape and the device of x."""
    if training:
        row = torch.zeros(x.numel(), dtype=torch.float64)
        drawn = torch.empty(x.numel(), dtype=torch.float64).uniform_()
        if p != 1:
            row[drawn >= p] = 1 / (1 - p)
        x = row.reshape(x.shape).to(device=x.device, dtype=x.dtype) * x
    return x
