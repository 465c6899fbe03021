"""Probes of dropout: what it makes of tensors, of gradients and of the random state."""

import torch

from autograder.fake_device import attempt


def dropped(nb, x, ps):
    """dropout(x, p) for p in {ps}"""
    return [nb.dropout(x, p) for p in ps]


def with_gradient(nb, x, slope, ps, training=True):
    """dropout(x, p, training={training}) for p in {ps}, and the gradient that reaches x"""
    found = []
    for p in ps:
        leaf = x.clone().requires_grad_(True)
        out = nb.dropout(leaf, p, training)
        # x stands in the sum too: a result that does not depend on x has the gradient 0.
        ((slope * out).sum() + leaf.sum()).backward()
        found.append({"out": out.detach(), "gradient": leaf.grad - 1})
    return found


def after_seeds(nb, x, p, seeds):
    """dropout(x, {p}) twice after each of several calls of torch.manual_seed"""
    found = []
    for seed in seeds:
        torch.manual_seed(seed)
        found.append([nb.dropout(x, p), nb.dropout(x, p)])
    return found


def laid_out(nb, xs, p):
    """dropout(x, {p}) of tensors of several shapes and dtypes, contiguous in memory or not"""
    turned = [nb.dropout(x.transpose(0, -1), p).transpose(0, -1) for x in xs]
    return [nb.dropout(x, p) for x in xs] + turned


def on_device(nb, x, p, device):
    """dropout(x, {p}) of a tensor on another device"""

    def program(device):
        given = x.to(device)
        out = nb.dropout(given, p)
        return {"out": out, "there": out.device == given.device}

    found = attempt(program, device)
    return found | {"home": attempt_at_home(program) if found["error"] else None}


def attempt_at_home(program):
    """The name of the error that the program gives on the CPU, None without one."""
    try:
        program("cpu")
    except Exception as error:
        return type(error).__name__
    return None
