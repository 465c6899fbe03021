"""Hidden grader: scalars in the parameters of any module."""

from autograder.checks import close, describe, hint, weight, whole
from tests.module6.count_parameters import probes


def what_changed(found):
    """The counts and what counting has changed, as a student reads it."""
    changed = {name for _, before, after in found for name in before if not close(after[name], before[name])}
    return f"counts {[count for count, _, _ in found]}; changed: {', '.join(sorted(changed)) or 'nothing'}"


BOTH = [{}, {"trainable_only": False}]


def same(student, reference, draw, kinds, flags=BOTH):
    """Whether both sides count the same for models of these kinds with these flags, exactly."""
    sizes = draw.integers(2, 9, 3)
    got = student.run(probes.counts, kinds, sizes, flags)
    want = reference.run(probes.counts, kinds, sizes, flags)
    return [whole(x) for x in got] == [whole(x) for x in want]


@weight(3)
@hint("Every entry of every parameter: modules nest to any depth and may hold parameters themselves.")
def test_all_parameters(student, reference, draw):
    """Parameters of any shape are found wherever they are registered; a model without any has 0."""
    assert same(student, reference, draw, ["plain", "convolution", "direct", "nested", "no_parameters"])


@weight(3)
@hint("Ask each parameter for itself whether it is trained; a layer can be frozen in part.")
def test_frozen_left_out(student, reference, draw):
    """By default, parameters with requires_grad=False are not counted, one by one."""
    kinds = ["plain", "frozen_layer", "frozen_bias", "frozen_all"]
    assert same(student, reference, draw, kinds, [{}, {"trainable_only": True}])


@weight(3)
@hint("trainable_only=False counts every parameter, frozen or not.")
def test_frozen_on_request(student, reference, draw):
    """With trainable_only=False, frozen parameters are counted too."""
    kinds = ["frozen_layer", "frozen_bias", "frozen_all"]
    assert same(student, reference, draw, kinds, [{"trainable_only": False}])


@weight(3)
@hint("The same parameter can be reached over two names; it still is one set of numbers.")
def test_shared_once(student, reference, draw):
    """A parameter that is used in two places counts once."""
    assert same(student, reference, draw, ["same_layer_twice", "tied_weight"])


@weight(2)
@hint("Running means and other buffers are saved with the model but are no parameters.")
def test_no_buffers(student, reference, draw):
    """Buffers, such as batch norm's running statistics, are never counted."""
    assert same(student, reference, draw, ["batch_norm", "own_buffers"])


@hint("requires_grad says whether a parameter is trained; the mode says how dropout and batch norm act.")
def test_evaluation_mode(student, reference, draw):
    """A model in evaluation mode has as many parameters, and as many trainable ones, as in training."""
    assert same(student, reference, draw, ["evaluated"])


@hint("Whether two parameters are one is a question of identity, not of values, shapes or addresses.")
def test_told_apart(student, reference, draw):
    """Different parameters count each, also when they hold equal values or, on the meta device, none."""
    assert same(student, reference, draw, ["equal_values", "without_memory"])


@weight(2)
@hint("Counting only looks: no eval(), no requires_grad_(), no forward pass.")
@describe(what_changed)
def test_model_left_as_it_was(student, draw):
    """The model's modes, requires_grad flags, values and the random state are left as they were."""
    for count, before, after in student.run(probes.states, draw.integers(2, 6, 3), BOTH):
        assert whole(count), "nothing is counted at all"
        assert close(after, before, rtol=0, atol=0)
    assert not {"grad mode", "default dtype"} & set(student.changed)
