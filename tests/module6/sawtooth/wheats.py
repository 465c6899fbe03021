"""Right but unusual ReLU networks that fold [0, 1]."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from autograder.samples import replaces


def _fill(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight).reshape(layer.weight.shape))
        layer.bias.copy_(torch.tensor(bias))
    return layer


@replaces("sawtooth")
def one_fold_used_again(k):
    """One block of seven parameters, run k times."""
    fold = nn.Sequential(
        _fill(nn.Linear(1, 2), [2.0, 4.0], [0.0, -2.0]),
        nn.ReLU(),
        _fill(nn.Linear(2, 1), [1.0, -1.0], [0.0]),
    )
    return nn.Sequential(*[fold] * k)


@replaces("sawtooth")
def neighbouring_layers_merged(k):
    """The output layer of a fold and the input layer of the next are one layer, in double."""
    layers = [_fill(nn.Linear(1, 2), [1.0, 1.0], [0.0, -0.5])]
    for _ in range(k - 1):
        layers += [nn.ReLU(), _fill(nn.Linear(2, 2), [2.0, -4.0, 2.0, -4.0], [0.0, -0.5])]
    layers += [nn.ReLU(), _fill(nn.Linear(2, 1), [2.0, -4.0], [0.0])]
    return nn.Sequential(*layers).double()


@replaces("sawtooth")
def two_folds_a_layer(k):
    """Four units fold twice at once; an odd k gets one single fold more."""
    layers = []
    if k % 2:
        layers += [_fill(nn.Linear(1, 2), [1.0, 1.0], [0.0, -0.5]), nn.ReLU()]
        layers += [_fill(nn.Linear(2, 1), [2.0, -4.0], [0.0])]
    for _ in range(k // 2):
        layers += [_fill(nn.Linear(1, 4), [1.0] * 4, [0.0, -0.25, -0.5, -0.75]), nn.ReLU()]
        layers += [_fill(nn.Linear(4, 1), [4.0, -8.0, 8.0, -8.0], [0.0])]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def bare_parameters(k):
    """A module with bare double parameters, functional ReLU and no nn.Linear."""

    class Sawtooth(nn.Module):
        def __init__(self):
            super().__init__()
            self.slopes = nn.ParameterList()
            for _ in range(k):
                self.slopes.append(nn.Parameter(torch.tensor([2.0, 4.0], dtype=torch.float64)))

        def forward(self, x):
            for s in self.slopes:
                x = F.relu(s[0] * x) - F.relu(s[1] * x - 2)
            return x

    return Sawtooth()


@replaces("sawtooth")
def absolute_value_from_two_relus(k):
    """1 - |2x - 1| with both halves of the absolute value as ReLUs, nested recursively."""

    def build(n):
        inner = [build(n - 1)] if n > 1 else []
        return nn.Sequential(
            *inner,
            _fill(nn.Linear(1, 2), [2.0, -2.0], [-1.0, 1.0]),
            nn.ReLU(),
            _fill(nn.Linear(2, 1), [-1.0, -1.0], [1.0]),
        )

    return build(k)


@replaces("sawtooth")
def fold_with_a_skip(k):
    """A residual fold: 2x minus the ReLU of 4x - 2, frozen parameters."""

    class Fold(nn.Module):
        def __init__(self):
            super().__init__()
            self.straight = nn.Linear(1, 1, bias=False)
            nn.init.constant_(self.straight.weight, 2.0)
            self.bend = _fill(nn.Linear(1, 1), [4.0], [-2.0])

        def forward(self, x):
            return self.straight(x) - self.bend(x).relu()

    return nn.Sequential(*(Fold() for _ in range(k))).requires_grad_(False)


@replaces("sawtooth")
def hat_of_three_units(k):
    """The textbook hat function with a third unit at 1, copied k times."""
    first = nn.Linear(1, 3, dtype=torch.float64)
    last = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    first.weight.data[:] = 1.0
    first.bias.data[:] = torch.tensor([0.0, -0.5, -1.0], dtype=torch.float64)
    last.weight.data = torch.tensor([[2.0, -4.0, 2.0]], dtype=torch.float64)
    net = nn.Sequential()
    for i in range(k):
        net.add_module(f"wide{i}", copy.deepcopy(first))
        net.add_module(f"relu{i}", nn.ReLU())
        net.add_module(f"narrow{i}", copy.deepcopy(last))
    return net


@replaces("sawtooth")
def relu_after_every_fold(k):
    """A further ReLU after each fold, harmless on [0, 1]; in place on the network's own values."""
    layers = []
    for _ in range(k):
        up = nn.Linear(1, 2)
        down = nn.Linear(2, 1)
        up.load_state_dict({"weight": torch.tensor([[2.0], [2.0]]), "bias": torch.tensor([0.0, -1.0])})
        down.load_state_dict({"weight": torch.tensor([[1.0, -2.0]]), "bias": torch.tensor([0.0])})
        layers.extend([up, nn.ReLU(inplace=True), down, nn.ReLU(inplace=True)])
    return nn.Sequential(*layers)


@replaces("sawtooth")
def convolutions_of_width_one(k):
    """1x1 convolutions on a sequence of length one, in a ModuleList."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.ups = nn.ModuleList(_fill(nn.Conv1d(1, 2, 1), [4.0, -4.0], [-2.0, 2.0]) for _ in range(k))
            self.downs = nn.ModuleList(_fill(nn.Conv1d(2, 1, 1), [-0.5, -0.5], [1.0]) for _ in range(k))

        def forward(self, x):
            h = x.unsqueeze(-1)
            for up, down in zip(self.ups, self.downs):
                h = down(torch.relu(up(h)))
            return h.squeeze(-1)

    return Net()
