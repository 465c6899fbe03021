"""Hidden grader: the one affine map that equals a stack of them."""

from itertools import pairwise

import torch

from autograder.checks import Raised, close, hint, is_tensor, no_verdict, weight
from tests.module6.collapse_linear import probes


def stack(draw, sizes, dtype=torch.float64):
    """Affine layers between these sizes, first layer first, that keep numbers near 1."""
    return [
        (draw.normal(b, a, dtype=dtype) / a**0.5, draw.normal(b, dtype=dtype)) for a, b in pairwise(sizes)
    ]


def pair(got):
    """The two parts of the answer; (None, None) unless there are two."""
    return tuple(got) if isinstance(got, (tuple, list)) and len(got) == 2 else (None, None)


def want(layers):
    """W and b in double precision."""
    W, b = layers[0][0].double(), layers[0][1].double()
    for V, c in layers[1:]:
        W, b = V.double() @ W, V.double() @ b + c.double()
    return W, b


def right(student, layers, rtol=1e-6, atol=1e-6):
    """Whether both parts of the student's answer are right."""
    W, b = pair(student.collapse_linear(layers))
    truth = want(layers)
    return close(W, truth[0], rtol, atol) and close(b, truth[1], rtol, atol)


@weight(3)
@hint("Multiply two layers out on paper: which of the two matrices stands on the left?")
def test_weights(student, draw):
    """W is the product of the matrices in the order in which the layers act."""
    for sizes in (draw.integers(2, 6, 3), [3] * 4, draw.integers(2, 6, draw.integer(4, 6))):
        layers = stack(draw, sizes)
        W, _ = pair(student.collapse_linear(layers))
        assert close(W, want(layers)[0], 1e-6, 1e-6)


@weight(3)
@hint("The bias of an early layer passes through all later weights, and only through those.")
def test_biases(student, draw):
    """b carries the bias of every layer through all the layers after it."""
    for sizes in (draw.integers(2, 6, 3), [3] * 4, draw.integers(2, 6, draw.integer(4, 6))):
        layers = stack(draw, sizes)
        _, b = pair(student.collapse_linear(layers))
        assert close(b, want(layers)[1], 1e-6, 1e-6)


@weight(2)
@hint("With one layer there is nothing to multiply: the answer is that layer.")
def test_one_layer(student, draw):
    """A stack of one layer is that layer."""
    assert right(student, stack(draw, draw.integers(2, 6, 2)))
    assert right(student, stack(draw, [4, 4]))


@weight(2)
@hint("Write for any number of layers: a loop that carries W and b along.")
def test_many_layers(student, draw):
    """Deep stacks are right too, layer for layer."""
    assert right(student, stack(draw, draw.integers(2, 4, 9)))
    assert right(student, stack(draw, [3] * draw.integer(20, 31)))


@hint("Keep W a matrix (out, in) and b a vector (out,), also where a size is 1.")
def test_width_one(student, draw):
    """Layers with one input, one output or one unit in between keep their shapes."""
    for sizes in ([1, 1, 1], [3, 1, 4], [1, 4, 1], [4, 1], [1, 1], [2, 3, 1]):
        assert right(student, stack(draw, sizes))


@hint("Torch layers are float32 by default; results need no more than float32's accuracy there.")
def test_single_precision(student, draw):
    """Layers in float32 are collapsed as well as those in float64."""
    assert right(student, stack(draw, draw.integers(2, 6, 4), torch.float32), 1e-3, 1e-4)
    assert right(student, stack(draw, [1, 3, 2], torch.float32), 1e-3, 1e-4)


@hint("Make new tensors in the dtype of the layers: torch.eye and torch.zeros are float32 by default.")
def test_double_precision(student, draw):
    """With float64 layers the result is right to double precision."""
    for sizes in (draw.integers(2, 5, 5), draw.integers(2, 5, 2)):
        assert right(student, stack(draw, sizes), 1e-9, 1e-10)


@hint("pop(), W @= V and b += c change what the caller still needs.")
def test_leaves_no_trace(student, draw):
    """The list, its tensors and the global random state are left as they were."""
    for sizes in ([3, 3, 3], draw.integers(2, 5, 4), [2, 2]):
        assert right(student, stack(draw, sizes, draw.choice([torch.float32, torch.float64])), 1e-3, 1e-4)
        assert not student.changed, student.changed


@weight(0.5)
@hint("Tensors that you make yourself have to be made where the layers are: device=W.device.")
def test_device(student, draw, device):
    """With layers on another device, the work is done there and the result stays there."""
    layers = stack(draw, [3, 2, 4], torch.float32)
    found = student.run(probes.on_device, layers, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.collapse_linear(layers)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the pretended device answered {found['error']}")
    W, _ = pair(found["value"])
    assert found["there"], "a result is not on the layers' device"
    assert is_tensor(W, (4, 3)) and close(W, want(layers)[0], 1e-3, 1e-4)
