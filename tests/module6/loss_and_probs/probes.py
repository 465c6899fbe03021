"""Questions about loss_and_probs: the two results and the gradient of the loss."""

import torch

from autograder.fake_device import attempt, on_other_device


def plain(value):
    """A tensor without its graph, a single entry without its brackets; anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.detach()


def ask(nb, problems):
    """loss_and_probs(task, logits, targets) for {problems}"""
    return [answer(nb, *question) for question in problems]


def answer(nb, task, logits, targets):
    leaf = logits.clone().requires_grad_()
    # times 1: a leaf cannot be written to, and who writes into the logits is told so elsewhere
    found = nb.loss_and_probs(task, 1 * leaf, targets.clone())
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
    found = nb.loss_and_probs("multiclass", logits.t(), targets)
    pair = found if isinstance(found, (tuple, list)) and len(found) == 2 else (None, None)
    return {"loss": pair[0], "probs": pair[1]}


def plain_calls(nb, problems):
    """the probabilities from loss_and_probs(task, logits, targets) for {problems}"""
    found = [nb.loss_and_probs(*question) for question in problems]
    return [x[1] if isinstance(x, (tuple, list)) and len(x) == 2 else None for x in found]


def on_device(nb, problems, device):
    """loss_and_probs with logits and targets on another device, for both tasks"""

    def program(place):
        found = [nb.loss_and_probs(task, z.to(place), y.to(place)) for task, z, y in problems]
        return [x if isinstance(x, (tuple, list)) and len(x) == 2 else (None, None) for x in found]

    report = attempt(program, device)
    # a loss that is a plain number is nowhere; that it has no graph is told elsewhere
    tensors = [x for pair in report["value"] or [] for x in pair if isinstance(x, torch.Tensor)]
    return report | {"there": bool(tensors) and all(map(on_other_device, tensors))}
