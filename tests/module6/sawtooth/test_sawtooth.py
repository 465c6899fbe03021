"""Hidden grader: a ReLU network that equals the tent map, applied k times, on [0, 1].

Making an nn.Linear draws its first weights from the global generator; that alone costs nothing here.
"""

import pytest
import torch

from autograder.checks import close, hint, is_tensor, weight
from tests.module6.sawtooth import probes


def tent(x, k):
    """The tent map applied k times, in double precision."""
    for _ in range(k):
        x = 1 - (2 * x - 1).abs()
    return x


def right(got, x, k):
    """Whether got equals the k-fold tent map at x; an error doubles with every fold."""
    if not is_tensor(got, tuple(x.shape)) or not got.is_floating_point():
        return False
    eps = torch.finfo(got.dtype).eps
    return close(got, tent(x, k), rtol=0, atol=min(0.05, max(1e-6, 2**k * 16 * eps)))


def folds_once(student):
    """Whether sawtooth(1) is a tent at its corners: who builds nothing disturbs nothing either."""
    corners = torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64)
    return right(student.run(probes.answers, 1, corners), corners, 1)


def points(draw, n, k):
    """Random points, and random places of the grid on which the k-fold tent has its corners."""
    corners = torch.tensor(draw.integers(0, 2**k, n)) / 2**k
    middles = (torch.tensor(draw.integers(0, 2**k - 1, n)) + 0.5) / 2**k
    ends = torch.tensor([0.0, 1.0, 0.5])
    return torch.cat([draw.rand(n), corners, middles, ends]).reshape(-1, 1).double()


@weight(2)
@hint("One tent is 2 relu(x) - 4 relu(x - 1/2) on [0, 1]: check 0, 1/4, 1/2, 3/4 and 1.")
def test_one_fold(student, draw):
    """sawtooth(1) is the tent map on [0, 1]."""
    x = points(draw, 12, 1)
    assert right(student.run(probes.answers, 1, x), x, 1)


@weight(3)
@hint("Feed one fold's output to the next: k folds, each of which doubles the number of pieces.")
@pytest.mark.parametrize("k", [2, 3, 5])
def test_folds(student, draw, k):
    """sawtooth({k}) is the tent map applied {k} times."""
    x = points(draw, 25, k)
    assert right(student.run(probes.answers, k, x), x, k)


@weight(2)
@hint("Choose weights that float32 holds exactly, such as powers of two: each fold doubles the error.")
@pytest.mark.parametrize("k", [7, 8])
def test_many_folds(student, draw, k):
    """sawtooth({k}) has all its pieces, with corners at the multiples of 1 / 2^{k} alone."""
    grid = torch.arange(2 ** (k + 1) + 1, dtype=torch.float64).reshape(-1, 1) / 2 ** (k + 1)
    assert right(student.run(probes.answers, k, grid), grid, k)
    x = points(draw, 25, k)
    assert right(student.run(probes.answers, k, x), x, k)


@weight(3)
@hint("Depth is what makes pieces cheap: a fold needs two hidden units, a wide layer one per piece.")
def test_few_parameters(student, draw):
    """The network that folds k times has at most 16 k parameters, and no numbers beside them."""
    for k in (1, 2, 3, 8, draw.integer(9, 12)):
        found = student.run(probes.build, k)
        assert found["module"], "no nn.Module"
        assert found["parameters"] <= 16 * k and found["numbers"] <= 16 * k, found
    x = points(draw, 8, 2)
    assert right(student.run(probes.answers, 2, x), x, 2), "few parameters, but no folds"


@weight(2)
@hint("Every bend has to come from a ReLU: no abs, no where, no other activation.")
def test_only_relu(student, draw):
    """ReLU is the only activation inside the network."""
    x = 0.02 + 0.96 * draw.rand(61, 1)
    x[0], x[1] = draw.uniform(0.05, 0.2), draw.uniform(0.8, 0.95)
    found = student.run(probes.operations, 3, x)
    assert found["bends"] and not found["others"], found


@weight(2)
@hint("One column in, one column out, for any number of rows: squeeze() drops more than you want.")
def test_shape(student, draw):
    """(N, 1) goes to (N, 1), also for N = 1."""
    sizes = [1, 2, draw.integer(3, 30)]
    for k in (1, 3):
        assert student.run(probes.shapes, k, sizes) == [[n, 1] for n in sizes]
    assert folds_once(student)


@hint("Make new layers in every call, and keep nothing from the call before.")
def test_independent_networks(student, draw):
    """Networks from several calls do not disturb each other, and a second look gives the same."""
    ks = draw.shuffled([1, 2, 3, 2])
    x = points(draw, 8, 3)
    found = student.run(probes.again, ks, x)
    assert all(right(y, x, k) for y, k in zip(found, [*ks, ks[0]], strict=True))


@weight(0.5)
@hint("x *= 2 inside forward changes the tensor that the caller passed; write x = 2 * x.")
def test_input_unchanged(student, draw):
    """The network leaves the points it is called on as they were."""
    x = draw.rand(9, 1).to(torch.float32)
    assert close(student.run(probes.point_left, 2, x), x, rtol=0, atol=1e-7)
    assert folds_once(student)


@weight(0.5)
@hint("Write the weights into the layers yourself: no seed is needed, and none is allowed.")
def test_never_seeds(student, draw):
    """The global random state is not seeded."""
    seeds = draw.integers(1, 10**6, 2)
    seeds[1] += seeds[0] == seeds[1]
    first, second = student.run(probes.seeded, 2, seeds)
    assert first[0] and second[0], "no nn.Module"
    assert all(a != b for a, b in zip(first[1:], second[1:], strict=True))
    assert folds_once(student)
