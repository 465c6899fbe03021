"""Hidden grader: loss and gradients of the 1-1-1 net, against the chain rule on paper."""

import math

from autograder.checks import close, describe, hint, named, weight
from tests.module6.backprop import probes

GRADIENTS = ("w1", "b1", "w2", "b2")


def net(draw, y, alive=True, output=None):
    """Drawn arguments. Neither the sign of x nor that of w1 * x tells whether the hidden unit is on.

    `output` is what goes into the last sigmoid.
    """
    x = draw.uniform(0.3, 1.8) * (-1 if y else 1)
    w1 = draw.uniform(0.3, 1.5) * (-1 if (x > 0) == alive else 1)
    z1 = draw.uniform(0.2, 2) * (1 if alive else -1)
    w2 = draw.uniform(0.4, 1.5) * draw.choice([1, -1])
    b2 = draw.uniform(-1, 1) if output is None else output - w2 * max(z1, 0)
    return w1, z1 - w1 * x, w2, b2, x, y


def truth(w1, b1, w2, b2, x, y):
    """The chain rule, written so that nothing cancels."""
    z1 = w1 * x + b1
    hidden = max(z1, 0.0)
    toward = (w2 * hidden + b2) * (1 if y else -1)  # how far on the right side the output is
    at_output = (-1 if y else 1) / (1 + math.exp(toward))
    at_hidden = at_output * w2 * (z1 > 0)
    return {
        "loss": math.log1p(math.exp(-toward)),
        "w1": at_hidden * x,
        "b1": at_hidden,
        "w2": at_output * hidden,
        "b2": at_output,
    }


def right(student, given, *parts, rtol=1e-5, atol=1e-7):
    """Whether these entries of the student's dictionary are right; further ones are let be."""
    return fits(student.backprop(*given), given, *parts, rtol=rtol, atol=atol)


def fits(got, given, *parts, rtol=1e-5, atol=1e-7):
    """Whether these entries of an answer are right."""
    want = truth(*given)
    return isinstance(got, dict) and all(close(got.get(part), want[part], rtol, atol) for part in parts)


@weight(2)
@hint(
    "The loss is -ln of the probability that the net gives to what is true, and that depends on y. A plain "
    "torch.tensor(z) has 32 bits."
)
def test_loss(student, draw):
    """ "loss" is the binary cross-entropy of the net's output, to double precision, for y = 1 and for y = 0."""
    for y in (1, 0):
        assert right(student, net(draw, y), "loss", rtol=1e-10, atol=1e-14)


@weight(2)
@hint("At the output, loss and sigmoid together have one simple slope; w2 multiplies the hidden value.")
def test_output_layer(student, draw):
    """ "w2" and "b2" are the gradients of the loss with respect to the output layer, for y = 1 and y = 0."""
    for y in (1, 0):
        assert right(student, net(draw, y), "w2", "b2")


@weight(3)
@hint("On its way back the error passes the output's weight and the ReLU; w1 then multiplies the input.")
def test_hidden_layer(student, draw):
    """ "w1" and "b1" are the gradients of the loss with respect to the hidden layer, for y = 1 and y = 0."""
    for y in (1, 0):
        assert right(student, net(draw, y), "w1", "b1")


@weight(2)
@hint("The ReLU decides by its own input: where that is negative, it sends out 0 and lets nothing back.")
def test_dead_relu(student, draw):
    """When the hidden unit is off, all four gradients are what they should be: nothing passes through it,
    in either direction."""
    for y in (1, 0):
        assert right(student, net(draw, y, alive=False), *GRADIENTS, atol=1e-14)


@weight(0.5)
@hint("The ReLU has no derivative at 0; here, as in PyTorch, it is taken to be 0.")
def test_corner(student, draw):
    """Where the input of the ReLU is exactly 0, its slope counts as 0."""
    x, w1 = draw.integer(1, 7) / 4, draw.integer(1, 7) / 4  # their product is exact
    assert right(student, (w1, -w1 * x, draw.uniform(0.4, 1.5), draw.uniform(-1, 1), x, 1), "w1", "b1")


@weight(0.5)
@hint("A whole number is a number too: 2 means the same as 2.0.")
def test_whole_numbers(student, draw):
    """The arguments may also be whole numbers."""
    w1, b1, w2, b2, x = (draw.integer(1, 2) for _ in range(5))
    for given in ((w1, b1, w2, -b2, x, 1), (w1, b1, -w2, b2, x, 0)):
        assert right(student, given, "b1", "b2")


@hint(
    "Compute in Python floats, or ask torch for float64: a plain torch.tensor(w) has 32 bits. Do not round."
)
def test_double_precision(student, draw):
    """The gradients are right to double precision: those of the two biases tell."""
    for y in (1, 0):
        assert right(student, net(draw, y), "b1", "b2", rtol=1e-10, atol=1e-14)


@hint("A double still tells a probability of 1e-9 from 0: a small number added to it, or a clamp, does not.")
def test_sure_and_wrong(student, draw):
    """The loss and the gradients of the two biases stay right when the net is nearly certain and wrong."""
    for y in (1, 0):
        output = draw.uniform(18.5, 20) * (-1 if y else 1)
        assert right(student, net(draw, y, output=output), "loss", "b1", "b2", rtol=1e-6)


@weight(0.5)
@hint("set_default_dtype would change everyone's tensors, and nothing here needs random numbers.")
@describe(named(value="", **{"default dtype": "default dtype afterwards"}))
def test_leaves_no_trace(student, draw):
    """The gradient of b2 is right, and the global random state and torch's settings are as they were."""
    given = net(draw, 1)
    got = student.run(probes.settings_after, *given)
    assert not student.changed, student.changed
    assert close(got["default dtype stays"], True), "default dtype"
    assert fits(got["value"], given, "b2")
