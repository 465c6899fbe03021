"""Right ways to go backward through the 1-1-1 network, none of them the usual one."""

import math
import sys

import numpy as np
import torch

from autograder.samples import replaces


def _softplus(z):
    """log(1 + exp(z)), also for a large z."""
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


@replaces("backprop")
def sign_form(w1, b1, w2, b2, x, y):
    """The loss as a softplus of the logit with a sign; tanh in place of the sigmoid."""
    w1, b1, w2, b2, x = (float(v) for v in (w1, b1, w2, b2, x))
    s = 1.0 if y == 1 else -1.0
    z1 = w1 * x + b1
    h = z1 if z1 > 0 else 0.0
    z2 = w2 * h + b2
    delta = (1 + math.tanh(z2 / 2)) / 2 - (s > 0)
    back = delta * w2 if z1 > 0 else 0.0
    return {"loss": _softplus(-s * z2), "w1": back * x, "b1": back, "w2": delta * h, "b2": delta}


@replaces("backprop")
def numpy_arrays(w1, b1, w2, b2, x, y):
    """A layer is a 1 by 1 matrix; the loss comes from logaddexp, and NumPy numbers come back."""
    W1, W2 = np.array([[float(w1)]]), np.array([[float(w2)]])
    col = np.array([[float(x)]])
    z1 = W1 @ col + float(b1)
    h = np.maximum(z1, 0)
    z2 = W2 @ h + float(b2)
    loss = np.logaddexp(0.0, z2) - float(y) * z2
    d2 = np.exp(-np.logaddexp(0.0, -z2)) - float(y)
    d1 = (W2.T @ d2) * np.heaviside(z1, 0.0)
    table = {"loss": loss, "w1": d1 @ col.T, "b1": d1, "w2": d2 @ h.T, "b2": d2}
    return {key: value[0, 0] for key, value in table.items()}


@replaces("backprop")
def forward_mode(w1, b1, w2, b2, x, y):
    """Not backward at all: the tangents of the four parameters travel forward with the values."""
    w1, b1, w2, b2, x, y = map(float, (w1, b1, w2, b2, x, y))
    names = ("w1", "b1", "w2", "b2")
    z1 = w1 * x + b1
    dz1 = {"w1": x, "b1": 1.0, "w2": 0.0, "b2": 0.0}
    h = max(z1, 0.0)
    dh = {k: dz1[k] if z1 > 0 else 0.0 for k in names}
    z2 = w2 * h + b2
    dz2 = {k: w2 * dh[k] + h * (k == "w2") + (k == "b2") for k in names}
    small = math.exp(-abs(z2))
    p = (1.0 if z2 >= 0 else small) / (1 + small)
    out = {k: (p - y) * dz2[k] for k in names}
    out["loss"] = max(z2, 0.0) - y * z2 + math.log1p(small)
    return out


@replaces("backprop")
def torch_doubles(w1, b1, w2, b2, x, y):
    """The formulas on 0-dim double tensors, without autograd."""
    with torch.no_grad():
        values = [float(v) for v in (w1, b1, w2, b2, x, y)]
        w1, b1, w2, b2, x, y = torch.tensor(values, dtype=torch.float64).unbind()
        z1 = torch.addcmul(b1, w1, x)
        h1 = torch.clamp(z1, min=0)
        z2 = torch.addcmul(b2, w2, h1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(z2, y)
        dz2 = torch.special.expit(z2) - y
        dz1 = torch.where(z1 > 0, dz2 * w2, torch.zeros_like(dz2))
        return dict(loss=loss, w1=dz1 * x, b1=dz1, w2=dz2 * h1, b2=dz2)


@replaces("backprop")
def list_of_backward_steps(w1, b1, w2, b2, x, y):
    """Each forward step leaves behind a function for the way back, as on a tape; it also writes to
    stderr."""
    w1, b1, w2, b2, x, y = (float(v) for v in (w1, b1, w2, b2, x, y))
    tape, grads = [], {}

    def affine(names, w, b, value):
        def back(g):
            grads[names[0]], grads[names[1]] = g * value, g
            return g * w

        tape.append(back)
        return w * value + b

    def rectify(value):
        tape.append(lambda g: g * float(value > 0))
        return value * (value > 0)

    def cross_entropy(z):
        tape.append(lambda g: g * ((math.tanh(z / 2) + 1) / 2 - y))
        return (1 - y) * _softplus(z) + y * _softplus(-z)

    loss = cross_entropy(affine(("w2", "b2"), w2, b2, rectify(affine(("w1", "b1"), w1, b1, x))))
    g = 1.0
    while tape:
        g = tape.pop()(g)
    print("gradient at the input", g, file=sys.stderr)
    return {"loss": loss, **grads}
