"""Questions about cross_entropy: the loss and its gradient."""

import torch

from autograder.fake_device import attempt, on_other_device


def ask(nb, logits, targets):
    """cross_entropy({logits}, {targets}), and the gradient of the loss with respect to the logits"""
    leaf = logits.clone().requires_grad_()
    loss, grad = nb.cross_entropy(leaf, targets), None
    if isinstance(loss, torch.Tensor) and loss.numel() == 1:
        if loss.requires_grad:
            loss.sum().backward()
            grad = leaf.grad
        loss = loss.detach().reshape(())
    return {"loss": loss, "grad": grad}


def on_device(nb, logits, targets, device):
    """cross_entropy(...) with logits and targets on another device"""

    def program(place):
        return nb.cross_entropy(logits.to(place), targets.to(place))

    report = attempt(program, device)
    value = report["value"]
    if not isinstance(value, torch.Tensor):
        return report | {"there": False}
    there = on_other_device(value)
    return report | {"value": value.reshape(()) if value.numel() == 1 else value, "there": there}
