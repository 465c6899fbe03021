"""Right ways to differentiate a loss by the logit, none of them the usual one."""

import math

import torch
import torch.nn.functional as F

from autograder.samples import replaces


def _tensors(logit, target):
    """Both as tensors of one floating dtype on one device; plain numbers become doubles."""
    z = logit.detach() if torch.is_tensor(logit) else torch.as_tensor(logit, dtype=torch.float64)
    if not z.is_floating_point():
        z = z.double()
    t = torch.as_tensor(target, device=z.device).detach().to(z.dtype)
    return z, t.expand_as(z)


@replaces("dloss_dlogit")
def autograd_of_the_sum(logit, target, kind):
    """Autograd on a private copy; the sum over samples keeps their derivatives apart."""
    z, t = _tensors(logit, target)
    with torch.enable_grad():
        z = z.clone().requires_grad_()
        if kind == "ce":
            loss = F.binary_cross_entropy_with_logits(z, t, reduction="sum")
        else:
            loss = (torch.sigmoid(z) - t).square().sum()
        (grad,) = torch.autograd.grad(loss, z)
    return grad


@replaces("dloss_dlogit")
def sigmoid_from_tanh(logit, target, kind):
    """The sigmoid is a tanh of half the logit; its derivative is written with the same tanh."""
    z, t = _tensors(logit, target)
    h = torch.tanh(z / 2)
    p = 0.5 + 0.5 * h
    out = p - t
    if kind == "mse":
        out = out * (1 - h * h) / 2
    return out


@replaces("dloss_dlogit")
def table_of_lambdas(logit, target, kind):
    """The formulas stand in a dictionary; 1 - sigmoid(z) is taken as sigmoid(-z)."""
    z, t = _tensors(logit, target)
    rules = {
        "ce": lambda p, q: (1 - t) * p - t * q,
        "mse": lambda p, q: 2 * p * q * ((1 - t) * p - t * q),
    }
    return rules[kind](torch.sigmoid(z), torch.sigmoid(-z))


@replaces("dloss_dlogit")
def two_branches_of_exp(logit, target, kind):
    """A sigmoid from exp(-|z|), which never overflows, and torch.where for the sign."""
    z, t = _tensors(logit, target)
    small = torch.exp(-z.abs())
    p = torch.where(z >= 0, torch.ones_like(z), small) / (1 + small)
    factor = 1 if kind == "ce" else 2 * small / (1 + small) ** 2
    return (p - t) * factor


def _sigmoid(z):
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z))


@replaces("dloss_dlogit")
def number_by_number(logit, target, kind):
    """Plain Python numbers in a loop, with math.exp, and a tensor made of them at the end."""
    z, t = _tensors(logit, target)
    out = []
    for a, b in zip(z.flatten().tolist(), t.flatten().tolist(), strict=True):
        p = _sigmoid(a)
        slope = p - b
        if kind == "mse":
            slope *= 2 * p * _sigmoid(-a)
        out.append(slope)
    return torch.tensor(out, dtype=z.dtype, device=z.device).reshape(z.shape)


@replaces("dloss_dlogit")
def vmap_of_grad(logit, target, kind):
    """The loss of one sample as a function, its derivative from torch.func, vmapped."""

    def one(a, b):
        if kind == "ce":
            return F.binary_cross_entropy_with_logits(a, b)
        return (torch.sigmoid(a) - b) ** 2

    z, t = _tensors(logit, target)
    slopes = torch.func.vmap(torch.func.grad(one))(z.reshape(-1), t.reshape(-1))
    return slopes.reshape(z.shape)
