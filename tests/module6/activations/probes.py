"""Questions about relu, sigmoid and softmax."""

import torch

from autograder.fake_device import attempt, on_other_device


def values(nb, name, xs, slanted):
    """{name} of tensors of several shapes, the last of them a transposed view"""
    return [getattr(nb, name)(x) for x in [*xs, slanted.t()]]


def along(nb, x, dims):
    """softmax of {x} along each of the dimensions {dims} by name, and along the first by position"""
    return [*(nb.softmax(x.clone(), dim=dim) for dim in dims), nb.softmax(x.clone(), dims[0])]


def gradient(nb, name, x, upstream):
    """the gradient through {name} at {x}"""
    leaf = x.clone().requires_grad_()
    # times 1: a leaf cannot be written to, and who writes into the input is told so elsewhere
    out = getattr(nb, name)(1 * leaf)
    if not isinstance(out, torch.Tensor) or not out.requires_grad:
        return {"value": out, "gradient": None}
    (out * upstream).sum().backward()
    return {"value": out.detach(), "gradient": leaf.grad}


def gradients(nb, name, pairs):
    """{name} and its gradient at inputs up to +1000 and down to -1000, in float32 and in float64"""
    return [gradient(nb, name, x, upstream) for x, upstream in pairs]


def all_three(nb, *xs):
    """relu, sigmoid and softmax, each of the same tensors"""
    return {name: [getattr(nb, name)(x.clone()) for x in xs] for name in ("relu", "sigmoid", "softmax")}


def in_turn(nb, *xs):
    """relu, sigmoid and softmax in turn, each of a tensor of its own that is looked at again afterwards"""
    return [(nb.relu, nb.sigmoid, nb.softmax)[number % 3](x) for number, x in enumerate(xs)]


def on_device(nb, x, device):
    """relu, sigmoid and softmax of a tensor on another device"""

    def program(place):
        return [function(x.to(place)) for function in (nb.relu, nb.sigmoid, nb.softmax)]

    report = attempt(program, device)
    return report | {"there": bool(report["value"]) and all(map(on_other_device, report["value"]))}
