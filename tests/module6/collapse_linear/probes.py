"""Questions about collapse_linear: asked twice, and on another device."""

import torch

from autograder.fake_device import attempt, on_fake_device


def once(nb, layers):
    """collapse_linear(layers)"""
    return nb.collapse_linear(layers)


def twice(nb, layers):
    """collapse_linear(layers) for the second time"""
    nb.collapse_linear(layers)
    return nb.collapse_linear(layers)


def on_device(nb, layers, device):
    """collapse_linear(layers) with all layers on another device"""

    def program(place):
        return nb.collapse_linear([(W.to(place), b.to(place)) for W, b in layers])

    if device == "cpu":
        report = attempt(program)
        value = report["value"]
        there = isinstance(value, (tuple, list)) and all(on_fake_device(x) for x in value)
        return report | {"there": there}
    value = program(device)
    there = all(isinstance(x, torch.Tensor) and x.device.type == device for x in value)
    return {"value": value, "error": None, "limit": False, "there": there}
