"""Hidden grader: the gradient that arrives after 0, 1, ... n layers."""

from autograder.checks import close, hint, sequence, weight


def same(student, reference, *question, rtol=1e-4):
    """Whether both sides answer alike; relative, for the numbers become tiny."""
    return close(student.gradient_flow(*question), reference.gradient_flow(*question), rtol, 1e-300)


@weight(3)
@hint("Each layer multiplies by the derivative s(1 - s) with s = sigmoid(z), not by s or z itself.")
def test_sigmoid(student, reference, draw):
    """With the sigmoid, every layer multiplies the gradient by the sigmoid's derivative at z."""
    for sign in (1, -1):
        z = sign * draw.uniform(0.3, 4)
        assert same(student, reference, "sigmoid", z, draw.integer(4, 9))


@weight(2)
@hint("The slope of the ReLU is 1 wherever z is positive, however large.")
def test_relu_positive(student, reference, draw):
    """With the ReLU and a positive z the gradient arrives unchanged."""
    for z in (draw.uniform(0.01, 0.9), draw.uniform(1.1, 6), 100.0):
        assert same(student, reference, "relu", z, draw.integer(3, 12))


@weight(2)
@hint("The gradient is 1 before the first layer; a negative z stops it in the first one.")
def test_relu_negative(student, reference, draw):
    """With the ReLU and a negative z nothing arrives, but the start of the list is still 1."""
    for z in (-draw.uniform(0.01, 0.9), -draw.uniform(1.1, 6)):
        assert same(student, reference, "relu", z, draw.integer(3, 12))


@weight(2)
@hint("The list has one entry more than there are layers: the first is the gradient before any layer.")
def test_length_and_start(student, draw):
    """There are n_layers + 1 values, and the first, after 0 layers, is 1."""
    for name in ("sigmoid", "relu"):
        n = draw.integer(2, 8)
        items = sequence(student.gradient_flow(name, draw.uniform(0.5, 3), n))
        assert items is not None and len(items) == n + 1
        assert close(items[0], 1.0)


@hint("With n_layers = 0 only the starting gradient is left.")
def test_few_layers(student, reference, draw):
    """Also 0 layers and 1 layer are right."""
    for name in ("sigmoid", "relu"):
        for n in (0, 1):
            assert same(student, reference, name, draw.uniform(0.5, 3), n)


@weight(2)
@hint("Compute in Python floats, or ask torch for float64: a plain torch.tensor(z) has 32 bits.")
def test_double_precision(student, reference, draw):
    """The values are right to double precision."""
    z = draw.uniform(0.5, 3.5) * draw.choice([1, -1])
    assert same(student, reference, "sigmoid", z, draw.integer(5, 10), rtol=1e-9)


@hint("Do not round, and do not stop early: 1e-60 is small but no zero in double precision.")
def test_many_layers(student, reference, draw):
    """Gradients far below 1e-45 are still told apart from zero."""
    assert same(student, reference, "sigmoid", draw.uniform(1.5, 3), draw.integer(60, 80), rtol=1e-6)


@hint("Look at z = 0, where the sigmoid is steepest, and at z = 15, where it is nearly flat.")
def test_steep_and_flat(student, reference, draw):
    """The sigmoid's derivative is right at 0, where it is largest, and where it saturates."""
    assert same(student, reference, "sigmoid", 0.0, 6)
    for z in (draw.uniform(10, 15), -draw.uniform(10, 15)):
        assert same(student, reference, "sigmoid", z, 3)


@weight(0.5)
@hint("exp(z) overflows when z is large; exp(-z) only becomes 0, so write the sigmoid with that.")
def test_far_out(student, reference, draw):
    """Far out on the positive side the sigmoid's derivative is 0, and no nan."""
    assert same(student, reference, "sigmoid", draw.uniform(760, 1000), 3)


@weight(0.5)
@hint("A whole number is a number too: 2 means the same as 2.0.")
def test_whole_z(student, reference, draw):
    """z may also be a whole number."""
    z = draw.integer(1, 4)
    assert same(student, reference, "sigmoid", z, 4, rtol=1e-9)
    assert same(student, reference, "sigmoid", -z, 4, rtol=1e-9)
    assert same(student, reference, "relu", z, 4) and same(student, reference, "relu", -z, 4)


@weight(0.5)
@hint("Nothing here needs random numbers, and set_default_dtype would change everyone's tensors.")
def test_leaves_no_trace(student, reference, draw):
    """The global random state and torch's settings are left as they were."""
    for name in ("sigmoid", "relu"):
        assert same(student, reference, name, draw.uniform(0.5, 2), 3)
        assert not student.changed, student.changed
