"""Hidden grader: the one affine map that equals a stack of them."""

from contextlib import suppress
from itertools import pairwise

import torch

from autograder.checks import Raised, close, hint, is_tensor, no_verdict, weight
from tests.module6.collapse_linear import probes


def stack(draw, sizes, dtype=torch.float64):
    """Affine layers between these sizes, first layer first, that keep numbers near 1."""
    return [
        (draw.normal(b, a, dtype=dtype) / a**0.5, draw.normal(b, dtype=dtype)) for a, b in pairwise(sizes)
    ]


def several(draw):
    """The sizes of stacks of two layers and more."""
    deep = [draw.integers(2, 6, draw.integer(4, 6)), draw.integers(2, 4, 9), [3] * draw.integer(20, 31)]
    return [draw.integers(2, 6, 3), [3] * 4, *deep]


def pair(got):
    """The two parts of the answer; (None, None) unless there are two."""
    return tuple(got) if isinstance(got, (tuple, list)) and len(got) == 2 else (None, None)


def want(layers):
    """W and b in double precision."""
    W, b = layers[0][0].double(), layers[0][1].double()
    for V, c in layers[1:]:
        W, b = V.double() @ W, V.double() @ b + c.double()
    return W, b


def usable(student, layers, dtypes=(torch.float64, torch.float32)):
    """The layers in the first of these dtypes that the student's code does not stumble over, else in the
    last one: what it makes of each dtype is the matter of two checks alone."""
    for dtype in dtypes:
        found = [(W.to(dtype), b.to(dtype)) for W, b in layers]
        with suppress(Raised):
            student.collapse_linear(found)
            break
    return found


def done(got, layers, rtol=1e-4, atol=1e-6):
    """Whether W and b have their shapes, and one of them its numbers: what becomes of the numbers of
    either is the matter of the first two checks."""
    found, truth = pair(got), want(layers)
    shaped = all(is_tensor(x, tuple(y.shape)) for x, y in zip(found, truth, strict=True))
    return shaped and any(close(x, y, rtol, atol) for x, y in zip(found, truth, strict=True))


@weight(4)
@hint("Multiply two layers out on paper: which matrix stands on the left? Then carry W along in a loop.")
def test_weights(student, draw):
    """W is the product of the matrices in the order in which the layers act, however many they are."""
    for sizes in several(draw):
        layers = usable(student, stack(draw, sizes))
        W, _ = pair(student.collapse_linear(layers))
        assert close(W, want(layers)[0], 1e-4, 1e-6)


@weight(4)
@hint("The bias of an early layer passes through all later weights, and only through those.")
def test_biases(student, draw):
    """b carries the bias of every layer through all the layers after it, however many they are."""
    for sizes in several(draw):
        layers = usable(student, stack(draw, sizes))
        _, b = pair(student.collapse_linear(layers))
        assert close(b, want(layers)[1], 1e-4, 1e-6)


@weight(2)
@hint("With one layer there is nothing to multiply: the answer is that layer.")
def test_one_layer(student, draw):
    """A stack of one layer is that layer."""
    for sizes in (draw.integers(2, 6, 2), [4, 4]):
        layers = usable(student, stack(draw, sizes))
        W, b = pair(student.collapse_linear(layers))
        assert close(W, layers[0][0], 1e-4, 1e-6) and close(b, layers[0][1], 1e-4, 1e-6)


@hint("Keep W a matrix (out, in) and b a vector (out,), also where a size is 1.")
def test_width_one(student, draw):
    """Layers with one input, one output or one unit in between keep their shapes."""
    for sizes in ([1, 1, 1], [3, 1, 4], [1, 4, 1], [4, 1, 1], [2, 3, 1]):
        layers = usable(student, stack(draw, sizes))
        assert done(student.collapse_linear(layers), layers)


@hint("Torch layers are float32 by default, NumPy's numbers are float64: the two do not multiply.")
def test_single_precision(student, draw):
    """Layers in float32 are collapsed as well as those in float64."""
    for sizes in (draw.integers(2, 6, 3), draw.integers(2, 6, 4)):
        layers = stack(draw, sizes, torch.float32)
        assert done(student.collapse_linear(layers), layers, 1e-3, 1e-4)


@hint("Make new tensors in the dtype of the layers: torch.eye and torch.zeros are float32 by default.")
def test_double_precision(student, draw):
    """With float64 layers the result is right to double precision."""
    for sizes in (draw.integers(2, 5, 3), draw.integers(2, 5, 5)):
        layers = stack(draw, sizes)
        got = student.collapse_linear(layers)
        assert done(got, layers, 1e-9, 1e-10)
        for x, y in zip(pair(got), want(layers), strict=True):  # none is right to single precision only
            assert close(x, y, 1e-9, 1e-10) or not close(x, y, 1e-4, 1e-5)


@hint("pop(), W @= V and b += c change what the caller still needs.")
def test_leaves_no_trace(student, draw):
    """The list, its tensors and the global random state are left as they were."""
    layers = usable(student, stack(draw, [3, 3, 3, 3]))
    first, second = (student.run(probe, layers) for probe in (probes.once, probes.twice))
    assert close(first, second, 1e-4, 1e-5), "another answer to the same list"
    for sizes in ([3, 3, 3], draw.integers(2, 5, 4)):
        layers = usable(student, stack(draw, sizes))
        assert done(student.collapse_linear(layers), layers)
        assert not student.changed, student.changed


@weight(0.5)
@hint("Tensors that you make yourself have to be made where the layers are: device=W.device.")
def test_device(student, draw, device):
    """With layers on another device, the work is done there and the result stays there."""
    layers = usable(student, stack(draw, [3, 2, 4]), (torch.float32, torch.float64))
    found = student.run(probes.on_device, layers, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.collapse_linear(layers)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["there"], "a result is not on the layers' device"
    assert done(found["value"], layers, 1e-3, 1e-4)
