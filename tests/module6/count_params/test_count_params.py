"""Hidden grader: parameters of a fully connected net from its layer sizes."""

from autograder.checks import hint, weight, whole
from tests.module6.count_params import probes


def numbers(found):
    """Whole numbers, None for what is none; nothing of an answer that is no list."""
    return [whole(x) for x in found] if isinstance(found, list) else []


def distinct(draw, low, high, depth):
    """Layer sizes that are all different."""
    return draw.shuffled(range(low, high + 1))[:depth]


def same(student, reference, probe, nets):
    """Whether both sides count the same, exactly."""
    return numbers(student.run(probe, nets)) == numbers(reference.run(probe, nets))


def either(student, reference, probe, nets):
    """Whether the counts are right, with the biases or all without: other checks are about those."""
    got = numbers(student.run(probe, nets))
    return got in (numbers(reference.run(probes.counts, nets, bias=bias)) for bias in (True, False))


@weight(3)
@hint("Between two neighbouring sizes stand a x b weights, and each of the b units has one bias.")
def test_any_depth(student, reference, draw):
    """Weights and biases between all neighbouring layers are added up, whatever the depth."""
    nets = [distinct(draw, 2, 90, depth) for depth in (2, 3, 4, draw.integer(5, 8))]
    nets += [[1, 1], [draw.integer(2, 50), 1], [1, draw.integer(2, 50)], [784, 512, 256, 128, 10]]
    assert same(student, reference, probes.counts, nets)


@weight(2)
@hint("bias=False takes away the bias of every layer, and nothing else.")
def test_without_bias(student, reference, draw):
    """With bias=False only the weights are counted, in every layer."""
    nets = [distinct(draw, 2, 60, depth) for depth in (2, 3, draw.integer(4, 7), 4)]
    assert same(student, reference, probes.without_bias, nets)


@hint("Parameters stand between two layers: count pairs of neighbours, not sizes.")
def test_one_size(student, draw):
    """A single size has no layer and so 0 parameters, with biases and without."""
    got = numbers(student.run(probes.one_size, [draw.integer(2, 900), 1]))
    assert len(got) == 5 and got[:4] == [0] * 4
    assert got[4], "0 for everything"


@hint("Go through the layers by position: looking a size up by its value finds the first one only.")
def test_repeated_sizes(student, reference, draw):
    """Layers of the same size count each on its own."""
    size, other = draw.integer(2, 9), draw.integer(10, 40)
    nets = [[size] * draw.integer(3, 6), [size, other, size, other, other]]
    assert either(student, reference, probes.counts, nets)


@hint("Count in Python's whole numbers: float32 holds seven digits, and int32 ends near two billion.")
def test_large_counts(student, reference, draw):
    """Large counts are exact to the last unit, and nothing as large as the network is ever built."""
    odd = [2 * draw.integer(2000, 2400) + 1, 2 * draw.integer(2000, 2400) + 1, 1]
    # so large that a layer cannot even be attempted: it fails at once instead of filling memory
    huge = [10**7 + draw.integer(1, 999), 10**7 + draw.integer(1, 999), 3]
    assert either(student, reference, probes.counts, [odd, huge])


@hint("Indexing and iterating work for both; to pop or change entries make a copy, as list(architecture).")
def test_list_or_tuple(student, reference, draw):
    """The sizes may be a list or a tuple; they and the global random state are left as they were."""
    sizes = distinct(draw, 2, 30, draw.integer(3, 5))
    got = numbers(student.run(probes.list_and_tuple, sizes))
    assert not student.changed, student.changed
    want = numbers(reference.run(probes.counts, [sizes])) + numbers(
        reference.run(probes.counts, [sizes], bias=False)
    )
    assert len(got) == 2 and got[0] == got[1] and got[0] in want
