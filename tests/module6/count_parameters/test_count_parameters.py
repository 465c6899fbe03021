"""Hidden grader: scalars in the parameters of any module."""

import pytest

from autograder.checks import close, hint, weight, whole
from tests.module6.count_parameters import probes


def same(student, reference, draw, kind, **flag):
    """Whether both sides count the same for a model of this kind, exactly."""
    sizes = draw.integers(2, 9, 3)
    got = whole(student.run(probes.count, kind, sizes, **flag))
    want = whole(reference.run(probes.count, kind, sizes, **flag))
    return got is not None and got == want


@weight(2)
@hint("Add up the number of entries of every weight and every bias.")
def test_plain(student, reference, draw):
    """All weights and biases of a model of any layers are counted, by default and on request."""
    for kind in ("plain", "convolution"):
        assert same(student, reference, draw, kind)
        assert same(student, reference, draw, kind, trainable_only=False)


@weight(2)
@hint("Ask each parameter for itself whether it is trained; a layer can be frozen in part.")
@pytest.mark.parametrize("kind", ["frozen_layer", "frozen_bias", "frozen_all"])
def test_frozen_left_out(student, reference, draw, kind):
    """By default, parameters with requires_grad=False are not counted, one by one."""
    assert same(student, reference, draw, "plain"), "nothing is counted at all"
    assert same(student, reference, draw, kind)
    assert same(student, reference, draw, kind, trainable_only=True)


@weight(2)
@hint("trainable_only=False counts every parameter, frozen or not.")
@pytest.mark.parametrize("kind", ["frozen_layer", "frozen_bias", "frozen_all"])
def test_frozen_on_request(student, reference, draw, kind):
    """With trainable_only=False, frozen parameters are counted too."""
    assert same(student, reference, draw, kind, trainable_only=False)


@weight(2)
@hint("The same parameter can be reached over two names; it still is one set of numbers.")
@pytest.mark.parametrize("kind", ["same_layer_twice", "tied_weight", "tied_and_frozen"])
def test_shared_once(student, reference, draw, kind):
    """A parameter that is used in two places counts once."""
    assert same(student, reference, draw, kind)
    assert same(student, reference, draw, kind, trainable_only=False)


@hint("requires_grad says whether a parameter is trained; the mode says how dropout and batch norm act.")
def test_evaluation_mode(student, reference, draw):
    """A model in evaluation mode has as many parameters, and as many trainable ones, as in training."""
    assert same(student, reference, draw, "evaluated")
    assert same(student, reference, draw, "evaluated", trainable_only=False)


@weight(0.5)
@hint("Ask a parameter for its size; its memory address and its values may not even exist.")
def test_meta_device(student, reference, draw):
    """A model on the meta device, where tensors have sizes but no memory, is counted as well."""
    assert same(student, reference, draw, "without_memory")


@hint("Whether two parameters are one is a question of identity, not of their values or shapes.")
def test_equal_values(student, reference, draw):
    """Different parameters that hold equal values count each."""
    assert same(student, reference, draw, "equal_values")


@weight(2)
@hint("Running means and other buffers are saved with the model but are no parameters.")
@pytest.mark.parametrize("kind", ["batch_norm", "own_buffers"])
def test_no_buffers(student, reference, draw, kind):
    """Buffers, such as batch norm's running statistics, are never counted."""
    assert same(student, reference, draw, kind)
    assert same(student, reference, draw, kind, trainable_only=False)


@weight(2)
@hint("A module may hold parameters itself, and modules nest to any depth; not all are Linear layers.")
@pytest.mark.parametrize("kind", ["direct", "nested"])
def test_anywhere(student, reference, draw, kind):
    """Parameters are found wherever they are registered, at any depth, of any shape."""
    assert same(student, reference, draw, kind)
    assert same(student, reference, draw, kind, trainable_only=False)


@weight(0.5)
@hint("A sum over nothing is 0.")
def test_no_parameters(student, reference, draw):
    """A model without parameters has 0 of them."""
    assert same(student, reference, draw, "plain"), "nothing is counted at all"
    assert same(student, reference, draw, "no_parameters")
    assert same(student, reference, draw, "no_parameters", trainable_only=False)


@hint("Counting only looks: no eval(), no requires_grad_(), no forward pass.")
@pytest.mark.parametrize("flag", [{}, {"trainable_only": False}], ids=["trainable", "all"])
def test_model_left_as_it_was(student, reference, draw, flag):
    """The model's modes, requires_grad flags, values and the random state are left as they were."""
    for training in (True, False):
        sizes = draw.integers(2, 6, 3)
        count, before, after = student.run(probes.states, sizes, training, **flag)
        want, _, _ = reference.run(probes.states, sizes, training, **flag)
        assert whole(count) == want, "nothing is counted at all"
        assert close(after, before, rtol=0, atol=0)
        assert not {"grad mode", "default dtype"} & set(student.changed)
