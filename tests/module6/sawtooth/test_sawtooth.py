"""Hidden grader: a ReLU network that equals the tent map, applied k times, on [0, 1].

Making an nn.Linear draws its first weights from the global generator; that alone costs nothing here.
"""

import torch

from autograder.checks import close, describe, hint, is_tensor, named, show, weight
from tests.module6.sawtooth import probes

AT_CORNERS = "at 0, 1/2 and 1 for k = 1"


def how_large(found):
    """The sizes of the networks, as a student reads them."""
    sizes = [max(size.values()) if size else "no nn.Module" for size in found["sizes"]]
    return f"numbers in the networks {show(sizes)}"


def how_it_bends(found):
    """The operations in the network, as a student reads them."""
    others = f"operations besides ReLU: {', '.join(found['others'])}" if found["others"] else ""
    return "; ".join(filter(None, [others, "" if found["bends"] else "no ReLU bends the line"]))


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


CORNERS = torch.tensor([[0.0], [0.5], [1.0]], dtype=torch.float64)


def points(draw, n, k):
    """Random points, and random places of the grid on which the k-fold tent has its corners."""
    corners = torch.tensor(draw.integers(0, 2**k, n)) / 2**k
    middles = (torch.tensor(draw.integers(0, 2**k - 1, n)) + 0.5) / 2**k
    ends = torch.tensor([0.0, 1.0, 0.5])
    return torch.cat([draw.rand(n), corners, middles, ends]).reshape(-1, 1).double()


@weight(8)
@hint(
    "One tent is 2 relu(x) - 4 relu(x - 1/2). Feed each fold's output to the next: k new folds in every "
    "call, and each doubles the pieces."
)
def test_folds(student, draw):
    """sawtooth(k) is the tent map on [0, 1] applied k times, once for k = 1, with 2^k pieces, also when
    several networks are made before any is called, and when one is called again."""
    ks = draw.shuffled([1, 2, 3, 5, draw.integer(6, 7)])
    grid = torch.arange(2**9 + 1, dtype=torch.float64).reshape(-1, 1) / 2**9
    asked = [*((k, points(draw, 25, k)) for k in ks), (8, grid), (8, points(draw, 25, 8))]
    found = student.run(probes.answers, *map(list, zip(*asked, strict=True)))
    assert all(right(y, x, k) for y, (k, x) in zip(found, [*asked, asked[0]], strict=True))


@weight(3)
@hint("Depth is what makes pieces cheap: a fold needs two hidden units, a wide layer one per piece.")
@describe(how_large)
def test_few_parameters(student, draw):
    """The network that folds k times has at most 16 k parameters, and no numbers beside them."""
    ks = [1, 2, 3, 8, draw.integer(9, 12)]
    found = student.run(probes.build, ks, CORNERS)
    for k, sizes in zip(ks, found["sizes"], strict=True):
        assert sizes is not None, "no nn.Module"
        assert sizes["parameters"] <= 16 * k and sizes["numbers"] <= 16 * k, sizes
    assert right(found["corners"], CORNERS, 1), "few parameters, but no folds"


@weight(3)
@hint("Every bend has to come from a ReLU: no abs, no where, no other activation.")
@describe(how_it_bends)
def test_only_relu(student, draw):
    """ReLU is the only activation inside the network."""
    x = 0.02 + 0.96 * draw.rand(61, 1)
    x[0], x[1] = draw.uniform(0.05, 0.2), draw.uniform(0.8, 0.95)
    found = student.run(probes.operations, 3, x)
    assert found["bends"] and not found["others"], found


@weight(2)
@hint("One column in, one column out, for any number of rows: squeeze() drops more than you want.")
@describe(named(shapes="shapes", corners=AT_CORNERS))
def test_shape(student, draw):
    """(N, 1) goes to (N, 1), also for N = 1."""
    sizes = [1, 2, draw.integer(3, 30)]
    found = student.run(probes.shapes, [1, 3], sizes, CORNERS)
    assert found["shapes"] == [[n, 1] for _ in (1, 3) for n in sizes]
    assert right(found["corners"], CORNERS, 1), "the shape, but no folds"


@hint("x *= 2 inside forward changes the tensor that the caller passed; write x = 2 * x.")
@describe(named(left="the points afterwards", corners=AT_CORNERS))
def test_input_unchanged(student, draw):
    """The network leaves the points it is called on as they were."""
    x = draw.rand(9, 1).to(torch.float32)
    found = student.run(probes.point_left, 2, x, CORNERS)
    assert close(found["left"], x, rtol=0, atol=1e-7)
    assert right(found["corners"], CORNERS, 1), "nothing was changed, but no folds"


@hint("Write the weights into the layers yourself: no seed is needed, and none is allowed.")
@describe(named(draws="drawn afterwards", corners=AT_CORNERS))
def test_never_seeds(student, draw):
    """The global random state is not seeded."""
    seeds = draw.integers(1, 10**6, 2)
    seeds[1] += seeds[0] == seeds[1]
    found = student.run(probes.seeded, 2, seeds, CORNERS)
    assert all(a != b for a, b in zip(*found["draws"], strict=True))
    assert right(found["corners"], CORNERS, 1), "no seed, but no folds"
