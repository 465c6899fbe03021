"""Right but unusual choices of an activation for a role."""

import sys
import warnings

import torch
from torch import nn

from autograder.samples import replaces


@replaces("choose_activation")
def table_of_lambdas(role):
    """A list of pairs with factories, and GELU for the hidden layers."""
    for name, make in [
        ("hidden", lambda: nn.GELU()),
        ("binary_output", lambda: nn.Sigmoid()),
        ("multiclass_output", lambda: nn.Softmax(dim=-1)),
    ]:
        if name == role:
            return make()
    raise ValueError(f"unknown role {role!r}")


@replaces("choose_activation")
def match_statement(role):
    """match/case, LeakyReLU, and a softmax over dim 1."""
    match role:
        case "hidden":
            return nn.LeakyReLU(0.2)
        case "binary_output":
            return nn.Sigmoid()
        case "multiclass_output":
            return nn.Softmax(dim=1)
        case _:
            raise ValueError


@replaces("choose_activation")
def implicit_softmax_dimension(which):
    """nn.Softmax() without a dimension: PyTorch warns, and takes dim 1 for a matrix. SiLU."""
    if which == "hidden":
        return nn.SiLU()
    if which == "binary_output":
        return nn.Sigmoid()
    if which == "multiclass_output":
        warnings.warn("softmax over the classes", stacklevel=2)
        return nn.Softmax()
    raise ValueError("role must be hidden, binary_output or multiclass_output")


@replaces("choose_activation")
def one_module_with_a_mode(role):
    """A single class of its own that decides in forward, with an ELU written out."""
    if role not in ("hidden", "binary_output", "multiclass_output"):
        print("no such role:", role, file=sys.stderr)
        raise ValueError(role)

    class Activation(nn.Module):
        def forward(self, x):
            if role == "hidden":
                return torch.where(x > 0, x, torch.expm1(torch.clamp(x, max=0)))
            if role == "binary_output":
                return 1 - torch.sigmoid(-x)
            shifted = x - x.max(dim=1, keepdim=True).values
            return shifted.exp() / shifted.exp().sum(dim=1, keepdim=True)

    return Activation()


@replaces("choose_activation")
def learnable_hidden_slope(role):
    """PReLU, with a parameter of its own, and a ValueError born from an index() that fails."""
    place = ["hidden", "binary_output", "multiclass_output"].index(role)
    return (nn.PReLU, nn.Sigmoid, lambda: nn.Softmax(-1))[place]()


@replaces("choose_activation")
def error_of_its_own(role):
    """A subclass of ValueError, and probabilities by way of their logarithms."""

    class UnknownRole(ValueError):
        pass

    class Exp(nn.Module):
        def forward(self, x):
            return x.exp()

    try:
        layers = {
            "hidden": [nn.ReLU()],
            "binary_output": [nn.LogSigmoid(), Exp()],
            "multiclass_output": [nn.LogSoftmax(dim=-1), Exp()],
        }[role]
    except (KeyError, TypeError) as err:
        raise UnknownRole(f"{role!r} is no role") from err
    return nn.Sequential(*layers)


@replaces("choose_activation")
def two_columns_for_binary(role):
    """The binary output as a softmax over (0, logit), and Mish for the hidden layers."""

    class TwoClassSoftmax(nn.Module):
        def forward(self, z):
            return torch.stack([torch.zeros_like(z), z], dim=-1).softmax(dim=-1)[..., 1]

    if role == "binary_output":
        return TwoClassSoftmax()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    if role != "hidden":
        raise ValueError(f"{role} is not supported")
    print("Mish is smooth and does not saturate for large inputs")
    return nn.Mish()


@replaces("choose_activation")
def class_looked_up_by_name(role):
    """getattr on torch.nn, SELU, and the softmax's dimension set afterwards."""
    names = dict(hidden="SELU", binary_output="Sigmoid", multiclass_output="Softmax")
    if not isinstance(role, str) or role not in names:
        raise ValueError(role)
    module = getattr(nn, names[role])()
    if names[role] == "Softmax":
        module.dim = -1
    return module.eval()
