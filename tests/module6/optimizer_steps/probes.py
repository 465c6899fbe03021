"""Questions about momentum_step and adam_step: many steps, and steps on another device."""

import torch

from autograder.fake_device import attempt, on_other_device


def momentum_path(nb, w, grads, lrs, beta):
    """w after several calls of momentum_step, velocity 0 at first, beta {beta}, learning rates {lrs}"""
    velocity = torch.zeros_like(w)
    for grad, lr in zip(grads, lrs, strict=True):
        found = nb.momentum_step(w, grad, velocity, lr, beta)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            return None
        w, velocity = found
    return w


def adam_path(nb, w, grads, lrs, more):
    """w after calls of adam_step, each with the state of the one before, learning rates {lrs}, {more}"""
    state = (torch.zeros_like(w), torch.zeros_like(w), 0)
    for grad, lr in zip(grads, lrs, strict=True):
        found = nb.adam_step(w, grad, state, lr=lr, **more)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            return None
        w, state = found
    return w


def on_device(nb, name, tensors, more, device):
    """{name} with all its tensors on another device"""

    def program(place):
        w, grad, memory = (
            [x.to(place) if isinstance(x, torch.Tensor) else x for x in part]
            if isinstance(part, list)
            else part.to(place)
            for part in tensors
        )
        return getattr(nb, name)(w, grad, tuple(memory) if isinstance(memory, list) else memory, *more)

    report = attempt(program, device)
    return report | {"there": all(map(on_other_device, big(report["value"])))}


def big(value):
    """The tensors in an answer, but for single numbers, which may live anywhere."""
    if isinstance(value, (tuple, list)):
        return [x for part in value for x in big(part)]
    return [value] if isinstance(value, torch.Tensor) and value.dim() else []
