"""Wrong sawtooth networks, each from a mistake that students make."""

import torch
from torch import nn

from autograder.samples import replaces


def _fill(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight).reshape(layer.weight.shape))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def _fold():
    up = _fill(nn.Linear(1, 2), [1.0, 1.0], [0.0, -0.5])
    down = _fill(nn.Linear(2, 1), [2.0, -4.0], [0.0])
    return [up, nn.ReLU(), down]


@replaces("sawtooth")
def one_wide_layer(k):
    """One hidden layer can draw all the teeth, but needs a unit for each piece: the parameters double
    with every fold. Depth is what keeps them few."""
    n = 2**k
    bends = [-i / n for i in range(n)]
    jumps = [float(n)] + [2.0 * n * (-1) ** i for i in range(1, n)]
    return nn.Sequential(
        _fill(nn.Linear(1, n), [1.0] * n, bends), nn.ReLU(), _fill(nn.Linear(n, 1), jumps, [0.0])
    )


@replaces("sawtooth")
def k_teeth_side_by_side(k):
    """k folds make 2^k pieces, because every fold doubles all the pieces before it; here each one
    only adds a tooth, so there are 2k."""
    n = 2 * k
    bends = [-i / n for i in range(n)]
    jumps = [float(n)] + [2.0 * n * (-1) ** i for i in range(1, n)]
    return nn.Sequential(
        _fill(nn.Linear(1, n), [1.0] * n, bends), nn.ReLU(), _fill(nn.Linear(n, 1), jumps, [0.0])
    )


@replaces("sawtooth")
def one_fold_too_few(k):
    """The first application of the tent map is a fold too: k folds, and not k bends after a straight
    line."""
    layers = [_fill(nn.Linear(1, 1), [1.0], [0.0])]
    for _ in range(k - 1):
        layers += _fold()
    return nn.Sequential(*layers)


@replaces("sawtooth")
def slope_taken_off_once(k):
    """After the middle the slope must turn from 2 to -2, a change of 4; a change of 2 only makes it
    flat."""
    layers = []
    for _ in range(k):
        layers += [
            _fill(nn.Linear(1, 2), [1.0, 1.0], [0.0, -0.5]),
            nn.ReLU(),
            _fill(nn.Linear(2, 1), [2.0, -2.0], [0.0]),
        ]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def folds_without_stretching(k):
    """The tent map folds and stretches back to the whole of [0, 1]; without the stretch there is
    nothing left beyond 1/2 for the next fold to fold."""
    layers = []
    for _ in range(k):
        layers += [
            _fill(nn.Linear(1, 2), [1.0, 1.0], [0.0, -0.5]),
            nn.ReLU(),
            _fill(nn.Linear(2, 1), [1.0, -2.0], [0.0]),
        ]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def valley_instead_of_tent(k):
    """|2x - 1| is 1 at the ends and 0 in the middle; the tent is the other way up."""
    layers = []
    for _ in range(k):
        layers += [
            _fill(nn.Linear(1, 2), [2.0, -2.0], [-1.0, 1.0]),
            nn.ReLU(),
            _fill(nn.Linear(2, 1), [1.0, 1.0], [0.0]),
        ]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def absolute_value_as_activation(k):
    """The absolute value makes the fold in one go, but the only activation allowed is the ReLU."""

    class Fold(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = _fill(nn.Linear(1, 1), [2.0], [-1.0])
            self.outer = _fill(nn.Linear(1, 1), [-1.0], [1.0])

        def forward(self, x):
            return self.outer(torch.abs(self.inner(x)))

    return nn.Sequential(*[Fold() for _ in range(k)])


@replaces("sawtooth")
def smooth_corners(k):
    """Softplus looks like a ReLU from far away, but it rounds the corners off: no two points have the
    same slope, and the error grows with every fold."""
    layers = []
    for _ in range(k):
        up, _, down = _fold()
        layers += [up, nn.Softplus(beta=200), down]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def leaky_units(k):
    """A leaky ReLU lets a little through below zero, so the second unit already acts before the
    middle; the ReLU is asked for."""
    layers = []
    for _ in range(k):
        up, _, down = _fold()
        layers += [up, nn.LeakyReLU(0.001), down]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def depth_without_weights(k):
    """Depth makes many pieces possible; it does not make them by itself. The weights have to be those
    of the tent map, not the random ones a layer starts with."""
    layers = []
    for _ in range(k):
        layers += [nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def eight_units_a_fold(k):
    """Two units make a fold; the six others have weight zero but are parameters all the same, and
    there are more than 16 a fold."""
    layers = []
    for _ in range(k):
        up = _fill(nn.Linear(1, 8), [1.0] * 8, [0.0, -0.5] + [0.0] * 6)
        down = _fill(nn.Linear(8, 1), [2.0, -4.0] + [0.0] * 6, [0.0])
        layers += [up, nn.ReLU(), down]
    return nn.Sequential(*layers)


@replaces("sawtooth")
def output_without_its_axis(k):
    """The network must answer with the shape (N, 1); the last axis is dropped here."""
    return nn.Sequential(*[layer for _ in range(k) for layer in _fold()], nn.Flatten(0))


@replaces("sawtooth")
def branches_with_where(k):
    """The tent is chosen by a condition on x; that is a program with a branch in it and not a network
    of ReLU units."""

    class Fold(nn.Module):
        def __init__(self):
            super().__init__()
            self.left = _fill(nn.Linear(1, 1), [2.0], [0.0])
            self.right = _fill(nn.Linear(1, 1), [-2.0], [2.0])

        def forward(self, x):
            return torch.where(x < 0.5, self.left(x), self.right(x))

    return nn.Sequential(*[Fold() for _ in range(k)])


@replaces("sawtooth")
def four_units_joined(k):
    """Joining neighbouring layers saves parameters only while the layers are narrow: four units to
    four units cost 20, which is more than 16 from the second fold on."""
    first = [1.0, 1.0, 0.0, 0.0]
    row = [2.0, -4.0, 0.0, 0.0]
    layers = [_fill(nn.Linear(1, 4), first, [0.0, -0.5, 0.0, 0.0]), nn.ReLU()]
    for _ in range(k - 1):
        weight = row + row + [0.0] * 8
        layers += [_fill(nn.Linear(4, 4), weight, [0.0, -0.5, 0.0, 0.0]), nn.ReLU()]
    layers.append(_fill(nn.Linear(4, 1), row, [0.0]))
    return nn.Sequential(*layers)


@replaces("sawtooth")
def seeds_before_building(k):
    """A seed makes random weights repeatable, but these weights are not random, and everyone's
    random numbers start over here."""
    torch.manual_seed(0)
    return nn.Sequential(*[layer for _ in range(k) for layer in _fold()])


# hard to catch
@replaces("sawtooth")
def folds_kept_between_calls(k, layers=[]):  # noqa: B006
    """A list as a default argument is made once and kept: the second network that is made still has
    the folds of the first in front."""
    for _ in range(k):
        layers.extend(_fold())
    return nn.Sequential(*layers)


# hard to catch
@replaces("sawtooth")
def squeezes_a_batch_of_one(k):
    """squeeze() drops every axis of length 1, also the batch axis when a single point comes in, and
    the answer then has the wrong shape."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.folds = nn.Sequential(*[layer for _ in range(k) for layer in _fold()])

        def forward(self, x):
            return self.folds(x).squeeze().unsqueeze(-1)

    return Net()


# hard to catch
@replaces("sawtooth")
def changes_its_input(k):
    """The first scaling is done in place on the tensor that came in, so the caller's points are
    doubled; work on a new tensor."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.slopes = nn.Parameter(torch.full((k,), 2.0))

        def forward(self, x):
            for slope in self.slopes.detach():
                x *= slope
                x = torch.relu(x) - 2 * torch.relu(x - 1)
            return x

    return Net()
