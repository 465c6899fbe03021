"""Questions about loss_and_probs: the two results and the gradient of the loss."""

import torch

from autograder.inside.faraway import attempt, is_far


def plain(value):
    """A tensor without its graph, a single entry without its brackets; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.detach()


def ask(nb, task, logits, targets):
    """loss_and_probs({task}, {logits}, {targets})"""
    leaf = logits.clone().requires_grad_()
    found = nb.loss_and_probs(task, leaf, targets)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        return {"loss": None, "probs": None, "grad": None}
    loss, probs = found
    grad = None
    if isinstance(loss, torch.Tensor) and loss.requires_grad and loss.numel() == 1:
        loss.sum().backward()
        grad = leaf.grad
    loss, probs = plain(loss), plain(probs)
    if isinstance(loss, torch.Tensor) and loss.numel() == 1:
        loss = loss.reshape(())
    return {"loss": loss, "probs": probs, "grad": grad}


def transposed(nb, logits, targets):
    """loss_and_probs('multiclass', a transposed view as logits, targets)"""
    return ask(nb, "multiclass", logits.t(), targets)


def on_device(nb, task, logits, targets, device):
    """loss_and_probs({task}, ...) with logits and targets on another device"""

    def program(place):
        return nb.loss_and_probs(task, logits.to(place), targets.to(place))

    if device == "cpu":
        report = attempt(program)
        value = report["value"]
        there = isinstance(value, (tuple, list)) and all(is_far(x) for x in value)
        return report | {"there": there}
    value = program(device)
    there = all(isinstance(x, torch.Tensor) and x.device.type == device for x in value)
    return {"value": value, "error": None, "limit": False, "there": there}
