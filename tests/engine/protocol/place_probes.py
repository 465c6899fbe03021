"""Probes that say where the tensors they are given are."""

import torch
from torch import nn

from autograder.fake_device import on_fake_device


def is_there(x, device):
    return on_fake_device(x) if device == "fake" else x.device.type == device


def tensors_in(value):
    if isinstance(value, torch.Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [x for item in items for x in tensors_in(item)]


def found_there(nb, nested, device, more):
    """where the tensors are"""
    found = tensors_in([nested, more])
    there = sum(is_there(x, device) for x in found)
    return {"tensors": len(found), "there": there, "leaves": sum(x.is_leaf for x in found)}


def layer_beside(nb, x):
    """a layer on the device of x"""
    return nn.Linear(x.shape[1], 1).to(x.device)


def gradients(nb, weights, x):
    """the gradients of a layer on the device of x"""
    layer = nn.Linear(*weights[0].shape[::-1]).to(x.device)
    with torch.no_grad():
        layer.weight.copy_(weights[0]), layer.bias.copy_(weights[1])
    layer(x).square().sum().backward()
    return [layer.weight.grad, layer.bias.grad]
