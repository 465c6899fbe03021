"""Hidden grader: relu, sigmoid and softmax against the same formulas in double precision."""

import pytest
import torch

from autograder.checks import Raised, close, describe, hint, is_tensor, named, no_verdict, weight
from tests.module6.activations import probes

NAMES = ["relu", "sigmoid", "softmax"]
EACH = pytest.mark.parametrize("name", NAMES)


def formula(name, x, dim=-1):
    """The function in double precision."""
    x = x.double()
    return {"relu": x.clamp(min=0), "sigmoid": x.sigmoid(), "softmax": x.softmax(dim)}[name]


def slopes(name, x, upstream):
    """The gradient in double precision."""
    leaf = x.detach().double().requires_grad_()
    out = leaf.clamp(min=0) if name == "relu" else formula(name, leaf)
    (out * upstream).sum().backward()
    return leaf.grad


def away_from_zero(x):
    """The same numbers without any near the ReLU's corner."""
    return torch.where(x.abs() < 0.01, 0.5, x)


def extremes(draw):
    """Rows with +-1000 among ordinary numbers; some rows hold large numbers only."""
    rows = draw.shuffled([
        [1000.0, -1000.0, draw.uniform(-3, 3)],
        [1000.0, 999.0, 998.5],
        [-1000.0, -1000.0, -999.0],
        [draw.uniform(200, 900), draw.uniform(90, 120), -draw.uniform(90, 900)],
        [-1000.0, draw.uniform(-3, 3), draw.uniform(-3, 3)],
    ])  # fmt: skip
    return torch.tensor(rows)


@weight(2)
@hint("Write for any shape: no loops over rows, no fixed number of dimensions, no view of the memory.")
@EACH
def test_values(student, draw, name):
    """{name} follows its formula for tensors of any shape, empty and transposed ones too."""
    xs = [3 * draw.normal(*shape) for shape in ((7,), (4, 3), (3, 2, 5), (1, 1), (5, 1), (0, 3))]
    for x in xs[:3]:
        x.view(-1)[draw.integer(0, 5)] = 0.0
    xs += [draw.normal()] * (name != "softmax")
    slanted = draw.normal(3, 4)
    want = [formula(name, x) for x in [*xs, slanted.t()]]
    assert close(student.run(probes.values, name, xs, slanted), want, rtol=1e-4, atol=1e-6)


@weight(2)
@hint("Exponentials are summed along the dimension that the caller names; by default the last one.")
def test_softmax_dim(student, draw):
    """softmax sums to 1 along the dimension it is given, by position or by name."""
    x = draw.normal(3, 4, 2)
    dims = [0, 1, 2, -1, -2, -3]
    want = [formula("softmax", x, dim) for dim in dims]
    assert close(student.run(probes.along, x, dims), [*want, want[0]], rtol=1e-4, atol=1e-6)


@weight(2)
@hint("Build the result from differentiable torch operations: no .item(), .detach(), NumPy or no_grad.")
@EACH
@describe(named(value="values", gradient="gradient"))
def test_gradients(student, draw, name):
    """Gradients flow back through {name}, and they are its derivative."""
    x = away_from_zero(2 * draw.normal(4, 5))
    upstream = draw.normal(4, 5)
    got = student.run(probes.gradient, name, x, upstream)
    assert close(got["gradient"], slopes(name, x, upstream), rtol=1e-4, atol=1e-5)


@weight(3)
@hint("Only take exp of numbers <= 0: what meets inf on the way has the gradient nan, even behind where.")
@EACH
@describe(named(value="values", gradient="gradient"))
def test_large(student, draw, name):
    """{name} and its gradient are finite and right for inputs up to +1000 and down to -1000."""
    x = extremes(draw)
    upstream = draw.normal(*x.shape)
    pairs = [(x, upstream), (x.double(), upstream.double())]
    found = student.run(probes.gradients, name, pairs)
    for got in found:
        assert close(got["value"], formula(name, x), rtol=1e-4, atol=1e-6)
        # a missing graph is for the check of ordinary gradients
        if got["gradient"] is not None:
            assert close(got["gradient"], slopes(name, x, upstream), rtol=1e-4, atol=1e-5)


@weight(2)
@hint("Let the result take its dtype from x, and keep the computation in it.")
@describe(named())
def test_dtype(student, draw):
    """Each function keeps the dtype, and in float64 it also has its precision."""
    xs = [2 * draw.normal(4, 3, dtype=dtype) for dtype in (torch.float32, torch.float64)]
    found = student.run(probes.all_three, *xs)
    for name in NAMES:
        assert all(is_tensor(y, (4, 3), x.dtype) for x, y in zip(xs, found[name], strict=True)), name
        assert close(found[name][1], formula(name, xs[1]), rtol=1e-9, atol=1e-11), name


@weight(2)
@hint("Methods that end in _ change the tensor itself: x.clamp_() overwrites what you were given.")
def test_leaves_no_trace(student, draw):
    """The functions leave their input and the global random state as they were."""
    xs = [3 * draw.normal(4, 5, dtype=dtype) for dtype in (torch.float32, torch.float64) for _ in NAMES]
    found = student.run(probes.in_turn, *xs)
    assert not student.changed, student.changed
    assert close(found, [formula(name, x) for name, x in zip(NAMES * 2, xs, strict=True)], 1e-4, 1e-6)


@hint("Make new tensors from x (x.new_zeros, zeros_like) so that they live where x lives.")
def test_device(student, draw, device):
    """Each function of a tensor on another device works there, and its result stays there."""
    x = draw.normal(3, 4)
    found = student.run(probes.on_device, x, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.run(probes.all_three, x)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["there"], "a result is not on the input's device"
    assert close(found["value"], [formula(name, x) for name in NAMES], rtol=1e-4, atol=1e-6)
