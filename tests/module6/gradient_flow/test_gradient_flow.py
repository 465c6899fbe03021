"""Hidden grader: the gradient that arrives after 0, 1, ... n layers."""

from autograder.checks import close, describe, hint, named, weight
from tests.module6.gradient_flow import probes


def same(student, reference, questions, rtol=1e-4):
    """Whether both sides answer alike; relative, for the numbers become tiny."""
    got, want = (side.run(probes.flows, questions) for side in (student, reference))
    return close(got, want, rtol, 1e-300)


@weight(3)
@hint("Each layer multiplies by the derivative s(1 - s) with s = sigmoid(z), not by s or z itself.")
def test_sigmoid(student, reference, draw):
    """With the sigmoid, every layer multiplies the gradient by the sigmoid's derivative at z, whatever the sign of z."""
    questions = [
        ("sigmoid", z, draw.integer(4, 9)) for z in (draw.uniform(0.3, 4), -draw.uniform(0.3, 4), 0.0)
    ]
    assert same(student, reference, [*questions, ("sigmoid", -draw.uniform(10, 15), 3)])


@weight(2)
@hint("The slope of the ReLU is 1 wherever z is positive, however large.")
def test_relu_positive(student, reference, draw):
    """With the ReLU and a positive z the gradient arrives unchanged."""
    zs = [draw.uniform(0.01, 0.9), draw.uniform(1.1, 6), 100.0]
    assert same(student, reference, [("relu", z, draw.integer(3, 12)) for z in zs])


@weight(2)
@hint("The gradient is 1 before the first layer; a negative z stops it in the first one.")
def test_relu_negative(student, reference, draw):
    """With the ReLU and a negative z nothing arrives, but the start of the list is still 1."""
    zs = [-draw.uniform(0.01, 0.9), -draw.uniform(1.1, 6)]
    assert same(student, reference, [("relu", z, draw.integer(3, 12)) for z in zs])


@hint("With n_layers = 0 only the starting gradient is left.")
def test_few_layers(student, reference, draw):
    """Also 0 layers and 1 layer are right."""
    z = draw.uniform(0.5, 3)
    assert same(student, reference, [("sigmoid", z, 0), ("sigmoid", z, 1), ("relu", z, 0)])


@weight(2)
@hint("Compute in Python floats, or ask torch for float64: a plain torch.tensor(z) has 32 bits.")
def test_double_precision(student, reference, draw):
    """The values are right to double precision, also far below 1e-45."""
    z = draw.uniform(1.5, 3)
    questions = [("sigmoid", z, draw.integer(5, 10)), ("sigmoid", z, draw.integer(60, 80))]
    assert same(student, reference, [*questions, ("sigmoid", draw.uniform(6, 9), 3)], rtol=1e-9)


@hint("exp(z) overflows when z is large; exp(-z) only becomes 0, so write the sigmoid with that.")
def test_far_out(student, reference, draw):
    """Far out on the positive side the sigmoid's derivative is 0, and no nan."""
    assert same(student, reference, [("sigmoid", draw.uniform(760, 1000), 3)])


@hint("Nothing here needs random numbers, and set_default_dtype would change everyone's tensors.")
@describe(named(gradients="", **{"default dtype": "default dtype afterwards"}))
def test_leaves_no_trace(student, reference, draw):
    """The global random state and torch's settings are left as they were."""
    z = draw.uniform(0.5, 2)
    got, want = (side.run(probes.undisturbed, z) for side in (student, reference))
    assert close(got, want, 1e-4) and not student.changed, student.changed
