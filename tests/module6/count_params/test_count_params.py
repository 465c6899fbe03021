"""Hidden grader: parameters of a fully connected net from its layer sizes."""

import pytest

from autograder.checks import hint, weight, whole


def same(student, reference, sizes, *args, **kwargs):
    """Whether both sides count the same, exactly."""
    got = whole(student.count_params(sizes, *args, **kwargs))
    want = whole(reference.count_params(sizes, *args, **kwargs))
    return got is not None and got == want


@weight(2)
@hint("Between two neighbouring sizes stand a x b weights, and each of the b units has one bias.")
def test_deep_net(student, reference, draw):
    """Weights and biases between all neighbouring layers are added up, whatever the depth."""
    for depth in (3, 4, draw.integer(5, 8)):
        assert same(student, reference, draw.integers(2, 90, depth))


@hint("Work out the practice problem [784, 512, 256, 128, 10] layer by layer on paper first.")
def test_mnist_nets(student, reference, draw):
    """Nets for MNIST (784 inputs, 10 outputs) are counted right."""
    assert same(student, reference, [784, 512, 256, 128, 10])
    assert same(student, reference, [784, *draw.integers(16, 300, draw.integer(1, 4)), 10])


@hint("With two sizes there is no hidden layer: one matrix and one vector of biases.")
def test_single_layer(student, reference, draw):
    """Two sizes make one layer, also when a size is 1."""
    for sizes in (
        draw.integers(2, 50, 2),
        [1, 1],
        [draw.integer(2, 50), 1],
        [1, draw.integer(2, 50)],
    ):
        assert same(student, reference, sizes)


@weight(2)
@hint("bias=False takes away the bias of every layer, and nothing else.")
def test_without_bias(student, reference, draw):
    """With bias=False only the weights are counted, in every layer."""
    for depth in (2, 3, draw.integer(4, 7)):
        assert same(student, reference, draw.integers(1, 60, depth), bias=False)
    sizes = draw.integers(1, 60, 4)
    assert same(student, reference, sizes, False)
    assert same(student, reference, sizes, bias=True)


@hint("Parameters stand between two layers: count pairs of neighbours, not sizes.")
@pytest.mark.parametrize("bias", [True, False])
def test_one_size(student, reference, draw, bias):
    """A single size has no layer and so 0 parameters (bias={bias})."""
    assert same(student, reference, [draw.integer(1, 900)], bias=bias)
    assert same(student, reference, [1], bias=bias)
    assert same(student, reference, [2, 1], bias=False), "0 for everything"


@hint("Go through the layers by position: looking a size up by its value finds the first one only.")
def test_repeated_sizes(student, reference, draw):
    """Layers of the same size count each on its own."""
    size, other = draw.integer(2, 9), draw.integer(10, 40)
    assert same(student, reference, [size] * draw.integer(3, 6))
    assert same(student, reference, [size, other, size, other, other])


@weight(0.5)
@hint("The sizes are any sequence of whole numbers: indexing and iterating work, list methods may not.")
def test_tuple(student, reference, draw):
    """The sizes may also come as a tuple."""
    assert same(student, reference, tuple(draw.integers(1, 80, 4)))


@weight(0.5)
@hint("Count in whole numbers: a 32-bit float holds no more than seven digits.")
def test_exact_count(student, reference, draw):
    """Large counts are exact to the last unit."""
    sizes = [2 * draw.integer(2000, 2400) + 1, 2 * draw.integer(2000, 2400) + 1, 1]
    assert same(student, reference, sizes)


@weight(0.5)
@hint("Python's own whole numbers have no upper end; 32-bit ones stop at about two billion.")
def test_huge_count(student, reference, draw):
    """Counts far beyond 32 bits are right, and nothing as large as the network is ever built."""
    # so large that a layer cannot even be attempted: it fails at once instead of filling memory
    assert same(student, reference, [10**7 + draw.integer(1, 999), 10**7 + draw.integer(1, 999), 3])


@weight(0.5)
@hint("Work on a copy if you want to pop or change entries; counting needs no random numbers either.")
def test_leaves_no_trace(student, reference, draw):
    """The list of sizes and the global random state are left as they were."""
    assert same(student, reference, draw.integers(2, 30, draw.integer(3, 5)))
    assert not student.changed, student.changed
