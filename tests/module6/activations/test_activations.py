"""Hidden grader: relu, sigmoid and softmax against the same formulas in double precision."""

import pytest
import torch

from autograder.checks import Raised, close, hint, is_tensor, no_verdict, weight
from tests.module6.activations import probes

EACH = pytest.mark.parametrize("name", ["relu", "sigmoid", "softmax"])


def formula(name, x, dim=-1):
    """The function in double precision."""
    x = x.double()
    return {"relu": x.clamp(min=0), "sigmoid": x.sigmoid(), "softmax": x.softmax(dim)}[name]


def slopes(name, x, upstream, dim=-1):
    """The gradient in double precision."""
    leaf = x.detach().double().requires_grad_()
    out = leaf.clamp(min=0) if name == "relu" else formula(name, leaf, dim)
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
@hint("Compare with the formula on a few numbers by hand, negative ones, 0 and positive ones.")
@EACH
def test_values(student, draw, name):
    """{name} follows its formula for vectors and for tensors of several dimensions."""
    for shape in ((7,), (4, 3), (3, 2, 5)):
        x = 3 * draw.normal(*shape)
        x.view(-1)[draw.integer(0, 5)] = 0.0
        assert close(getattr(student, name)(x), formula(name, x), rtol=1e-4, atol=1e-6)


@weight(2)
@hint("Exponentials are summed along the dimension that the caller names; by default the last one.")
def test_softmax_dim(student, draw):
    """softmax sums to 1 along the dimension it is given, by position or by name."""
    x = draw.normal(3, 4, 2)
    for dim in (0, 1, 2, -1, -2, -3):
        assert close(student.softmax(x, dim=dim), formula("softmax", x, dim), rtol=1e-4, atol=1e-6)
    square = draw.normal(3, 3)
    assert close(student.softmax(square, 0), formula("softmax", square, 0), rtol=1e-4, atol=1e-6)
    assert close(student.softmax(square), formula("softmax", square, 1), rtol=1e-4, atol=1e-6)


@weight(2)
@hint("exp of a large number is inf: rewrite the formula so that only exp of numbers <= 0 is taken.")
@EACH
def test_large_values(student, draw, name):
    """The values of {name} are finite and right for inputs up to +1000 and down to -1000."""
    for dtype in (torch.float32, torch.float64):
        x = extremes(draw).to(dtype)
        assert close(getattr(student, name)(x), formula(name, x), rtol=1e-4, atol=1e-6)


@weight(2)
@hint("Build the result from differentiable torch operations: no .item(), .detach(), NumPy or no_grad.")
@EACH
def test_gradients(student, draw, name):
    """Gradients flow back through {name}, and they are its derivative."""
    x = away_from_zero(2 * draw.normal(4, 5))
    upstream = draw.normal(4, 5)
    want = slopes(name, x, upstream)
    assert close(student.run(probes.gradient, name, x, upstream), want, rtol=1e-4, atol=1e-5)
    if name == "softmax":
        got = student.run(probes.gradient, name, x, upstream, dim=0)
        assert close(got, slopes(name, x, upstream, 0), rtol=1e-4, atol=1e-5)


@weight(2)
@hint("Where the forward pass meets inf, the gradient becomes nan, even behind torch.where.")
@EACH
def test_large_gradients(student, draw, name):
    """The gradients of {name} are finite and right for inputs up to +1000 and down to -1000."""
    x = extremes(draw)
    upstream = draw.normal(*x.shape)
    for dtype in (torch.float32, torch.float64):
        got = student.run(probes.gradient, name, x.to(dtype), upstream.to(dtype))
        assert close(got, slopes(name, x.to(dtype), upstream), rtol=1e-4, atol=1e-5)


@hint("Let the result take its dtype from x, and keep the computation in it.")
@EACH
def test_dtype(student, draw, name):
    """{name} keeps the dtype, and in float64 it also has its precision."""
    for dtype in (torch.float32, torch.float64):
        x = 2 * draw.normal(4, 3, dtype=dtype)
        got = getattr(student, name)(x)
        assert is_tensor(got, (4, 3), dtype)
    assert close(got, formula(name, x), rtol=1e-9, atol=1e-11)


@hint("Write for any shape: no loops over rows, no fixed number of dimensions, no view of the memory.")
@EACH
def test_unusual_shapes(student, draw, name):
    """{name} also takes a single entry, an empty batch and a transposed view."""
    shapes = [(1,), (1, 1), (0, 3), (5, 1)] + [()] * (name != "softmax")
    for shape in shapes:
        x = draw.normal(*shape)
        assert close(getattr(student, name)(x), formula(name, x), rtol=1e-4, atol=1e-6)
    x = draw.normal(3, 4)
    got = student.run(probes.transposed, name, x)
    assert close(got, formula(name, x.t()), rtol=1e-4, atol=1e-6)


@hint("Methods that end in _ change the tensor itself: x.clamp_() overwrites what you were given.")
@EACH
def test_leaves_no_trace(student, draw, name):
    """{name} leaves its input and the global random state as they were."""
    for dtype in (torch.float32, torch.float64):
        x = 3 * draw.normal(4, 5, dtype=dtype)
        got = getattr(student, name)(x)
        assert close(got, formula(name, x), rtol=1e-4, atol=1e-6)
        assert not student.changed, student.changed


@weight(0.5)
@hint("Make new tensors from x (x.new_zeros, zeros_like) so that they live where x lives.")
@EACH
def test_device(student, draw, device, name):
    """{name} of a tensor on another device works there and stays there."""
    x = draw.normal(3, 4)
    found = student.run(probes.on_device, name, x, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            getattr(student, name)(x)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the pretended device answered {found['error']}")
    assert found["there"], "the result is not on the input's device"
    assert close(found["value"], formula(name, x), rtol=1e-4, atol=1e-6)
