"""Right but unusual ways to count the parameters of a module."""

import math
import sys
import warnings

import numpy as np
import torch
from torch import nn

from autograder.samples import replaces


def _collect(module, found):
    for p in module._parameters.values():
        if p is not None:
            found[id(p)] = p
    for child in module._modules.values():
        if child is not None:
            _collect(child, found)
    return found


@replaces("count_parameters")
def walks_the_tree(model, trainable_only=True):
    """Recursion over children, with a dictionary keyed by identity for the shared ones."""
    params = _collect(model, {}).values()
    return sum(p.numel() for p in params if p.requires_grad or not trainable_only)


@replaces("count_parameters")
def numpy_product_of_shapes(net, trainable_only=True):
    """np.prod of each shape: a float, since np.prod of an empty shape is 1.0."""
    total = 0.0
    for p in net.parameters():
        if trainable_only and not p.requires_grad:
            continue
        total += np.prod(tuple(p.shape), dtype=np.float64)
    return total


@replaces("count_parameters")
def state_dict_with_variables(model, trainable_only=True):
    """Starts from the state dict, and leaves buffers and second names of a parameter out."""
    mine = {id(p) for p in model.parameters()}
    total = 0
    for tensor in model.state_dict(keep_vars=True).values():
        if id(tensor) in mine:
            mine.remove(id(tensor))
            if not trainable_only or tensor.requires_grad:
                total += tensor.nelement()
    # parameters that a module keeps out of its state dict are parameters all the same
    rest = [p for p in model.parameters() if id(p) in mine]
    return total + sum(p.nelement() for p in rest if not trainable_only or p.requires_grad)


@replaces("count_parameters")
def zero_dim_tensor(model, trainable_only=True):
    """The answer is a 0-dim tensor, also for a model without any parameters."""
    counts = [p.numel() for p in model.parameters() if not trainable_only or p.requires_grad]
    return torch.tensor(counts, dtype=torch.int64).sum()


@replaces("count_parameters")
def iterator_by_hand(model, trainable_only=True):
    """A while loop that calls next() until nothing is left, and a warning when it finds nothing."""
    it, total = iter(model.named_parameters()), 0
    while (item := next(it, None)) is not None:
        name, p = item
        if trainable_only and p.requires_grad is False:
            print("frozen:", name, file=sys.stderr)
            continue
        total += math.prod(p.size())
    if total == 0:
        warnings.warn("nothing to train here", stacklevel=2)
    return total


@replaces("count_parameters")
def all_minus_frozen(model, trainable_only=True):
    """Counts everything and takes the frozen part away; prints a small table as it goes."""
    everything = frozen = 0
    for name, p in model.named_parameters():
        print(f"{name:40s} {tuple(p.shape)}")
        everything += p.numel()
        frozen += p.numel() * (not p.requires_grad)
    return everything - frozen if trainable_only else everything


@replaces("count_parameters")
def set_of_parameters(model, trainable_only=True):
    """Tensors hash by identity, so a plain set of all named parameters drops the doubles."""
    every = {p for _, p in model.named_parameters(remove_duplicate=False)}
    keep = filter(lambda p: p.requires_grad, every) if trainable_only else every
    return sum(map(torch.numel, keep))


@replaces("count_parameters")
def modules_without_recursion(model, trainable_only=True):
    """Asks each submodule only for the parameters that it owns itself, on a detached flat view."""
    seen = []
    for module in model.modules():
        for p in nn.Module.parameters(module, recurse=False):
            if not any(p is q for q in seen):
                seen.append(p)
    kept = [p.detach() for p in seen if not (trainable_only and not p.requires_grad)]
    return sum(p.reshape(-1).shape[0] for p in kept)
