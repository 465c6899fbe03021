"""Right but unusual ways to follow a gradient through equal layers."""

import itertools
import math
import sys
import warnings

import numpy as np
import torch

from autograder.samples import replaces


def _bump(z):
    # symmetric in z, so the exponential never overflows
    e = math.exp(-abs(float(z)))
    return e / (1.0 + e) ** 2


@replaces("gradient_flow")
def powers_in_a_comprehension(activation, z, n_layers):
    """The derivative to the power of 0, 1, ... n; Python's 0.0 ** 0 is 1."""
    d = _bump(z) if activation == "sigmoid" else float(z > 0)
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def accumulate_a_product(activation, z, n_layers):
    """itertools.accumulate over repeated factors; the answer is a tuple."""
    factor = {"sigmoid": _bump, "relu": lambda v: 1.0 if v > 0 else 0.0}[activation](z)
    factors = itertools.repeat(factor, n_layers)
    return tuple(itertools.accumulate(factors, float.__mul__, initial=1.0))


@replaces("gradient_flow")
def cumulative_product_in_numpy(act, z, n_layers):
    """np.cumprod of an array that starts with 1; renamed first argument, plain list out."""
    z = np.float64(z)
    if act == "sigmoid":
        s = np.exp(-np.logaddexp(0.0, -z))
        d = s * np.exp(-np.logaddexp(0.0, z))
    else:
        d = np.heaviside(z, 0.0)
    return np.cumprod(np.concatenate([[1.0], np.full(n_layers, d)])).tolist()


@replaces("gradient_flow")
def derivative_from_autograd(activation, z, n_layers):
    """Lets autograd find the derivative, in double precision, even under no_grad."""
    with torch.enable_grad():
        x = torch.tensor(float(z), dtype=torch.float64, requires_grad=True)
        y = torch.sigmoid(x) if activation == "sigmoid" else torch.relu(x)
        (d,) = torch.autograd.grad(y, x)
    out = [1.0]
    for _ in range(n_layers):
        out.append(out[-1] * d.item())
    return out


@replaces("gradient_flow")
def backward_through_a_chain(activation, z, n_layers):
    """Sends a real gradient back through n layers, each of which sits at the same z."""
    out, grad = [1.0], torch.ones((), dtype=torch.float64)
    with torch.enable_grad():
        for _ in range(n_layers):
            x = torch.full((), float(z), dtype=torch.float64, requires_grad=True)
            y = {"sigmoid": torch.sigmoid, "relu": torch.relu}[activation](x)
            y.backward(grad)
            grad = x.grad
            out.append(float(grad))
    return out


@replaces("gradient_flow")
def list_built_by_recursion_on_halves(activation, z, n_layers):
    """Recursion: the second half of the list is the first half times its last factor."""
    d = _bump(z) if activation == "sigmoid" else (1.0 if z > 0 else 0.0)

    def powers(n):
        if n <= 1:
            return [1.0, d][: n + 1]
        half = powers(n // 2)
        rest = powers(n - n // 2)
        return half + [half[-1] * g for g in rest[1:]]

    return powers(n_layers)


@replaces("gradient_flow")
def tanh_identity_with_chatter(activation, z, n_layers):
    """sigmoid' = (1 - tanh(z/2)^2) / 4, with prints, a warning and a while loop."""
    if activation == "sigmoid":
        t = math.tanh(float(z) / 2)
        d = (1.0 - t) * (1.0 + t) / 4
    elif activation == "relu":
        d = float(np.greater(z, 0))
    else:
        raise ValueError(activation)
    if d < 0.25:
        warnings.warn("this gradient vanishes", stacklevel=2)
    flow = [1.0]
    while len(flow) <= n_layers:
        flow.append(d * flow[-1])
        print(len(flow), flow[-1], file=sys.stderr)
    return flow


@replaces("gradient_flow")
def numpy_scalars_in_a_list(activation, z, n_layers):
    """A list of np.float64, from an array to the power of an arange."""
    d = np.float64(_bump(z)) if activation == "sigmoid" else np.float64(z > 0)
    return list(d ** np.arange(n_layers + 1))
