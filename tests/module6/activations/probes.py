"""Questions about relu, sigmoid and softmax."""

import torch

from autograder.inside.faraway import attempt, is_far


def gradient(nb, name, x, upstream, **dim):
    """the gradient through {name} at {x}"""
    leaf = x.clone().requires_grad_()
    out = getattr(nb, name)(leaf, **dim)
    if not isinstance(out, torch.Tensor) or not out.requires_grad:
        return None
    (out * upstream).sum().backward()
    return leaf.grad


def transposed(nb, name, x):
    """{name} of a transposed view, not contiguous in memory"""
    return getattr(nb, name)(x.t())


def on_device(nb, name, x, device):
    """{name} of a tensor on another device"""

    def program(place):
        return getattr(nb, name)(x.to(place))

    if device == "cpu":
        report = attempt(program)
        return report | {"there": is_far(report["value"])}
    value = program(device)
    there = isinstance(value, torch.Tensor) and value.device.type == device
    return {"value": value, "error": None, "limit": False, "there": there}
