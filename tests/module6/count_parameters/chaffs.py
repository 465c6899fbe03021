"""Wrong ways to count the parameters of a module, each from a mistake that students make."""

import torch
from torch import nn

from autograder.samples import replaces


@replaces("count_parameters")
def frozen_ones_too(model, trainable_only=True):
    """Frozen parameters are counted although only the trainable ones were asked for."""
    return sum(p.numel() for p in model.parameters())


@replaces("count_parameters")
def never_the_frozen_ones(model, trainable_only=True):
    """With trainable_only=False the frozen parameters belong to the count as well."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@replaces("count_parameters")
def only_the_frozen_ones(model, trainable_only=True):
    """trainable_only=False means all parameters; here it gives only those that are frozen."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad == trainable_only)


@replaces("count_parameters")
def buffers_from_the_state_dict(model, trainable_only=True):
    """A state dict also holds buffers, such as the running statistics of batch norm, and those are
    not parameters.
    """
    if trainable_only:
        return sum(p.numel() for p in model.parameters() if p.requires_grad)
    return sum(t.numel() for t in model.state_dict().values())


@replaces("count_parameters")
def buffers_added(model, trainable_only=True):
    """A buffer is a tensor that the model keeps, but nobody learns it: it is no parameter."""
    total = sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)
    return total + sum(b.numel() for b in model.buffers())


@replaces("count_parameters")
def shared_counted_twice(model, trainable_only=True):
    """A parameter that two modules share is one set of numbers, however many names it has."""
    total = 0
    for module in model.modules():
        for p in module.parameters(recurse=False):
            if p.requires_grad or not trainable_only:
                total += p.numel()
    return total


@replaces("count_parameters")
def linear_layers_only(model, trainable_only=True):
    """Linear layers are not the only ones with parameters: convolutions and norms have some too."""
    seen = set()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            seen.update(p for p in module.parameters() if p.requires_grad or not trainable_only)
    return sum(p.numel() for p in seen)


@replaces("count_parameters")
def weight_and_bias_attributes(model, trainable_only=True):
    """Parameters can have any name, not just `weight` and `bias`: think of recurrent layers."""
    seen = set()
    for module in model.modules():
        for name in ("weight", "bias"):
            p = getattr(module, name, None)
            if isinstance(p, nn.Parameter) and (p.requires_grad or not trainable_only):
                seen.add(p)
    return sum(p.numel() for p in seen)


@replaces("count_parameters")
def parameters_of_the_children(model, trainable_only=True):
    """A module can own parameters directly, outside of its child modules; those are missed here."""
    seen = set()
    for child in model.children():
        seen.update(child.parameters())
    return sum(p.numel() for p in seen if p.requires_grad or not trainable_only)


@replaces("count_parameters")
def number_of_tensors(model, trainable_only=True):
    """A weight matrix is one tensor but many parameters: every number in it counts."""
    return len([p for p in model.parameters() if p.requires_grad or not trainable_only])


@replaces("count_parameters")
def rows_only(model, trainable_only=True):
    """len() of a tensor is the size of its first dimension, not the number of its elements."""
    return sum(len(p) for p in model.parameters() if p.requires_grad or not trainable_only)


@replaces("count_parameters")
def rows_times_columns(model, trainable_only=True):
    """Not every parameter is a vector or a matrix: a convolution kernel has four dimensions."""
    total = 0
    for p in model.parameters():
        if p.requires_grad or not trainable_only:
            total += p.shape[0] * p.shape[1] if p.dim() > 1 else p.shape[0]
    return total


@replaces("count_parameters")
def weights_without_biases(model, trainable_only=True):
    """Biases are learned like weights, so they are parameters too."""
    return sum(
        p.numel()
        for name, p in model.named_parameters()
        if "bias" not in name and (p.requires_grad or not trainable_only)
    )


@replaces("count_parameters")
def trainable_means_has_a_gradient(model, trainable_only=True):
    """Whether a parameter is trainable says requires_grad; a gradient is there only after a
    backward pass.
    """
    return sum(p.numel() for p in model.parameters() if p.grad is not None or not trainable_only)


@replaces("count_parameters")
def unfreezes_to_count(model, trainable_only=True):
    """To count all parameters nothing has to be unfrozen; the model is left changed here."""
    if not trainable_only:
        for p in model.parameters():
            p.requires_grad_(True)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


@replaces("count_parameters")
def leaves_the_model_in_eval(model, trainable_only=True):
    """Counting needs no evaluation mode, and the model does not come back from it here."""
    model.eval()
    with torch.no_grad():
        return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)


# hard to catch
@replaces("count_parameters")
def eval_mode_means_frozen(model, trainable_only=True):
    """eval() changes how dropout and batch norm act; it does not freeze any parameter."""
    total = 0
    for p in model.parameters():
        if not trainable_only or (p.requires_grad and model.training):
            total += p.numel()
    return total


# hard to catch
@replaces("count_parameters")
def equal_values_count_once(model, trainable_only=True):
    """Two parameters that happen to hold the same numbers are still two: shared means the same
    object.
    """
    unique = []
    for p in model.parameters():
        if trainable_only and not p.requires_grad:
            continue
        if not any(p.shape == q.shape and torch.equal(p, q) for q in unique):
            unique.append(p)
    return sum(p.numel() for p in unique)


# hard to catch
@replaces("count_parameters")
def same_address_counts_once(model, trainable_only=True):
    """A memory address does not tell parameters apart: on the meta device, for one, all of them
    have the same.
    """
    sizes = {}
    for p in model.parameters():
        if p.requires_grad or not trainable_only:
            sizes[p.data_ptr()] = p.numel()
    return sum(sizes.values())
