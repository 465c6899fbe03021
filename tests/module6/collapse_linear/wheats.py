"""Right but unusual ways to collapse a stack of affine layers."""

import sys
from functools import reduce

import numpy as np
import torch
import torch.nn.functional as F

from autograder.samples import replaces


@replaces("collapse_linear")
def reduce_with_a_lambda(layers):
    """functools.reduce over pairs."""
    return reduce(lambda f, g: (g[0] @ f[0], g[0] @ f[1] + g[1]), layers)


@replaces("collapse_linear")
def last_layer_first(layers):
    """Starts at the output and works back to the input."""
    W, b = layers[-1]
    for V, c in layers[-2::-1]:
        b = b + W @ c
        W = W @ V
    return W, b


@replaces("collapse_linear")
def pushes_the_basis_through(layers):
    """Sends zero and the unit vectors through the stack and reads the map off the answers."""
    first = layers[0][0]
    width = first.shape[1]
    probes = torch.zeros(width + 1, width, dtype=first.dtype, device=first.device)
    probes[1:] = torch.eye(width, dtype=first.dtype, device=first.device)
    for W, b in layers:
        probes = F.linear(probes, W, b)
    b = probes[0]
    return (probes[1:] - b).t(), b


@replaces("collapse_linear")
def homogeneous_matrices(layers):
    """One square-bordered matrix [W b; 0 1] per layer, multiplied together."""

    def bordered(W, b):
        top = torch.hstack([W, b.reshape(-1, 1)])
        bottom = torch.zeros_like(top[:1])
        bottom[0, -1] = 1
        return torch.vstack([top, bottom])

    M = bordered(*layers[0])
    for W, b in layers[1:]:
        M = bordered(W, b) @ M
    return M[:-1, :-1], M[:-1, -1]


@replaces("collapse_linear")
def splits_in_halves(layers):
    """Divide and conquer."""

    def collapse(start, stop):
        if stop - start == 1:
            return layers[start]
        middle = (start + stop) // 2
        W, b = collapse(start, middle)
        V, c = collapse(middle, stop)
        return V @ W, torch.mv(V, b) + c

    W, b = collapse(0, len(layers))
    return W, b


@replaces("collapse_linear")
def double_inside(layers):
    """Computes in double precision and answers in the dtype of the input; pops from a copy."""
    rest = list(layers)
    W, b = rest.pop(0)
    dtype = W.dtype
    W, b = W.double(), b.double()
    while rest:
        V, c = rest.pop(0)
        W = torch.einsum("oh,hi->oi", V.double(), W)
        b = torch.einsum("oh,h->o", V.double(), b) + c.double()
    return W.to(dtype), b.to(dtype)


@replaces("collapse_linear")
def numpy_and_back(layers):
    """NumPy inside, the bias carried as a column."""
    device, dtype = layers[0][0].device, layers[0][0].dtype
    W = np.eye(layers[0][0].shape[1])
    b = np.zeros((W.shape[0], 1))
    for V, c in layers:
        V = V.detach().cpu().numpy().astype(float)
        c = c.detach().cpu().numpy().astype(float)
        W = np.dot(V, W)
        b = np.dot(V, b) + c[:, None]
    W = torch.from_numpy(W).to(device=device, dtype=dtype)
    return W, torch.from_numpy(b[:, 0].copy()).to(device=device, dtype=dtype)


@replaces("collapse_linear")
def products_of_the_rest(layers):
    """Each bias goes through all later weights, one sum at the end; in place on copies, with prints."""
    print(len(layers), "layers", file=sys.stderr)
    weights, biases = zip(*layers)
    W = weights[0].clone()
    for V in weights[1:]:
        W = V.matmul(W)
    b = biases[-1].clone()
    for i in range(len(layers) - 1):
        carried = biases[i]
        for V in weights[i + 1 :]:
            carried = V.matmul(carried)
        b += carried
    return [W, b]


@replaces("collapse_linear")
def loops_over_numbers(layers):
    """Triple loops over Python floats."""
    W, b = layers[0]
    rows, bias = W.tolist(), b.tolist()
    for V, c in layers[1:]:
        V, c = V.tolist(), c.tolist()
        inner = range(len(rows))
        bias = [sum(v[h] * bias[h] for h in inner) + s for v, s in zip(V, c)]
        rows = [[sum(v[h] * rows[h][i] for h in inner) for i in range(len(rows[0]))] for v in V]
    return W.new_tensor(rows), b.new_tensor(bias)
