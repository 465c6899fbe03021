"""Modules to be counted, built where the student's function is."""

import torch
from torch import nn


def plain(a, b, c):
    return nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, b, bias=False), nn.Linear(b, c))


def convolution(a, b, c):
    return nn.Sequential(nn.Conv2d(a, b, 3), nn.Embedding(b, c), nn.LSTM(a, c), nn.PReLU())


def no_parameters(a, b, c):
    return nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Dropout(0.5))


def evaluated(a, b, c):
    """In evaluation mode, with one part of it training."""
    model = nn.Sequential(plain(a, b, c), nn.Dropout(), nn.LayerNorm(b)).eval()
    model[0][2].train()
    return model


def without_memory(a, b, c):
    """On the meta device: sizes only, no numbers behind them."""
    with torch.device("meta"):
        return plain(a, b, c)


def frozen_layer(a, b, c):
    model = plain(a, b, c)
    model[0].requires_grad_(False)
    return model


def frozen_bias(a, b, c):
    model = nn.Sequential(plain(a, b, c), nn.Linear(b, c))
    model[0][3].bias.requires_grad_(False)
    model[1].weight.requires_grad_(False)
    return model


def frozen_all(a, b, c):
    return plain(a, b, c).requires_grad_(False)


def same_layer_twice(a, b, c):
    layer = nn.Linear(b, b)
    return nn.Sequential(nn.Linear(a, b), layer, nn.ReLU(), layer, nn.Linear(b, c))


class Tied(nn.Module):
    """Two layers of different modules that hold one weight."""

    def __init__(self, a, b):
        super().__init__()
        self.encoder = nn.Embedding(a, b)
        self.decoder = nn.ModuleDict({"out": nn.Linear(b, a)})
        self.decoder["out"].weight = self.encoder.weight


def tied_weight(a, b, c):
    return nn.Sequential(Tied(a, b), nn.Linear(b, c))


def equal_values(a, b, c):
    """Different parameters that happen to hold the same numbers."""
    return nn.Sequential(nn.LayerNorm(b), nn.LayerNorm(b), nn.LayerNorm(b))


def batch_norm(a, b, c):
    return nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), nn.BatchNorm1d(b, affine=False))


class Buffered(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.layer = nn.Linear(a, b)
        self.register_buffer("table", torch.ones(a, b))
        self.register_buffer("unsaved", torch.ones(b), persistent=False)


def own_buffers(a, b, c):
    return nn.Sequential(Buffered(a, b), nn.Linear(b, c))


class Direct(nn.Module):
    """Parameters that belong to the module itself, one of them a single number."""

    def __init__(self, a, b):
        super().__init__()
        self.table = nn.Parameter(torch.rand(a, b))
        self.scale = nn.Parameter(torch.rand(()))
        self.cube = nn.Parameter(torch.rand(2, a, b))


class Nested(nn.Module):
    def __init__(self, a, b, c):
        super().__init__()
        self.blocks = nn.ModuleList([plain(a, b, c), nn.ModuleList([Direct(b, c)])])
        self.named = nn.ModuleDict({"left": nn.Linear(a, b), "right": Direct(a, c)})
        self.extra = nn.ParameterList([nn.Parameter(torch.rand(c)) for _ in range(3)])
        self.other = nn.ParameterDict({"bias": nn.Parameter(torch.rand(b))})


def direct(a, b, c):
    return Direct(a, b)


def nested(a, b, c):
    return Nested(a, b, c)


def counts(nb, kinds, sizes, flags):
    """count_parameters of models of the kinds {kinds}, each with {flags}"""
    return [nb.count_parameters(globals()[kind](*sizes), **flag) for kind in kinds for flag in flags]


def state(model, known):
    """All that counting has to leave alone. `known`: tensors seen before, kept alive for their identity."""
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers()]
    return {
        "modes": [module.training for module in model.modules()],
        "flags": [tensor.requires_grad for _, tensor in tensors],
        "names": [name for name, _ in tensors],
        "gradients": [tensor.grad is None for _, tensor in tensors],
        "values": [tensor.detach().clone() for _, tensor in tensors],
        "identities": [next((n for n, x in enumerate(known) if x is t), -1) for _, t in tensors],
        "random": torch.get_rng_state(),
    }


def states(nb, sizes, flags):
    """count_parameters of a model in mixed modes with frozen parts, with {flags}"""
    found = []
    for flag in flags:
        model = nn.Sequential(frozen_bias(*sizes), batch_norm(*sizes), nn.Dropout())
        model[0].eval()
        known = [*model.parameters(), *model.buffers()]
        before = state(model, known)
        count = nb.count_parameters(model, **flag)
        found.append([count, before, state(model, known)])
    return found
