"""Hidden grader: the history of a training run and what the model holds afterwards, against the reference's.

Training adds drawn numbers to the weights, validation losses follow a script; so all of it is exact.
"""

import math

from autograder.checks import close, describe, hint, named, sequence, weight
from tests.module6.fit_early_stopping import probes

pytestmark = describe(
    named(result="", trained="calls of train_step", measured="calls of val_loss in each epoch")
)


def losses_of(draw, pattern):
    """Validation losses by their pattern: - a new best, + no improvement, = the best again, n NaN."""
    best, found = draw.integer(300, 400), []
    for sign in pattern:
        best -= draw.integer(1, 9) if sign == "-" else 0
        found.append((best + {"+": draw.integer(1, 30), "n": math.nan}.get(sign, 0)) / 32)
    return found


def task(draw, pattern, patience, max_epochs=30, **more):
    """Arguments of the probe; each epoch trains on numbers of its own."""
    given = {"losses": losses_of(draw, pattern), "steps": draw.normal(len(pattern), 5, 3), **more}
    return given | {"patience": patience, "max_epochs": max_epochs}


def same_history(got, want):
    """Whether best_epoch and val_losses are right, whatever else the dict holds."""
    result = got["result"]
    return isinstance(result, dict) and all(
        close(result.get(key), want["result"][key]) for key in ("best_epoch", "val_losses")
    )


def same_state(got, want, which="state"):
    """Whether the model holds the same weights and buffers."""
    return close(got[which], want[which], rtol=1e-4, atol=1e-5)


@weight(2)
@hint(
    "state_dict() shows the weights as they are NOW: copy them (clone, deepcopy) when an epoch improves, "
    "and load the copy at the end."
)
def test_best_weights(student, reference, draw):
    """Afterwards the model holds the weights of the best epoch, not of the last one, whether patience or
    max_epochs ended the training."""
    patience = draw.integer(2, 4)
    start = "-" * draw.integer(2, 4)
    for end, max_epochs in (("+" * patience + "--", 30), ("+" * (patience - 1) + "--", 0)):
        pattern = start + end
        given = task(draw, pattern, patience, max_epochs or len(pattern) - 2)
        got = student.run(probes.fitted, **given)
        assert same_state(got, reference.run(probes.fitted, **given))


@weight(2)
@hint(
    "model.parameters() leaves out the buffers (batch norm's running statistics); state_dict() has them all."
)
def test_best_buffers(student, reference, draw):
    """The buffers are those of the best epoch too, such as batch norm's running mean, variance and count."""
    patience = draw.integer(2, 4)
    given = task(draw, "--+-" + "+" * patience + "-", patience, norm=True)
    got = student.run(probes.fitted, **given)
    assert same_state(got, reference.run(probes.fitted, **given))


@weight(2)
@hint("In each epoch: train_step(model), then val_loss(model); count the epochs since the last improvement.")
def test_history(student, reference, draw):
    """Each epoch trains once and then measures once; the run ends after patience epochs in a row without
    improvement. val_losses has one entry for each epoch that was run, best_epoch counts from 0."""
    for patience in (1, draw.integer(3, 4)):
        pauses = ("-" + "+" * (patience - 1)) * 2
        given = task(draw, pauses + "--" + "+" * patience + "+--", patience)
        got = student.run(probes.fitted, **given)
        assert same_history(got, reference.run(probes.fitted, **given)), "history"


@hint("Ask val_loss once an epoch and keep what it says; max_epochs bounds the number of epochs.")
def test_calls(student, reference, draw):
    """train_step and val_loss are called once in each epoch, and at most max_epochs epochs are run, also
    when the losses still improve."""
    for epochs in (1, draw.integer(4, 6)):
        given = task(draw, "-" * 9, draw.integer(2, 3), epochs)
        got = student.run(probes.fitted, **given)
        want = reference.run(probes.fitted, **given)
        assert same_history(got, want), "history"
        assert close(got["trained"], want["trained"]), "calls of train_step"
        assert close(got["measured"], want["measured"]), "calls of val_loss"


@hint("Improved means strictly smaller than the best so far; every comparison with NaN is False.")
def test_no_improvement(student, reference, draw):
    """A loss equal to the best is no improvement, and NaN is none either, not even in the first epochs:
    best_epoch, the weights and the end of training stay with the first of the best epochs."""
    for sign in ("=", "n"):
        patience = draw.integer(2, 3)
        given = task(draw, "-" * draw.integer(2, 4) + sign * patience + "--", patience)
        got = student.run(probes.fitted, **given)
        want = reference.run(probes.fitted, **given)
        assert same_history(got, want), f"history {sign}"
        assert same_state(got, want), f"weights {sign}"
    patience = draw.integer(3, 4)
    result = student.run(probes.fitted, **task(draw, "n" * patience + "--", patience))["result"]
    # Which epoch is the best is left open when none is; how long training goes on is not.
    losses = sequence(result.get("val_losses")) if isinstance(result, dict) else None
    assert losses is not None and len(losses) == patience, "nothing but NaN"


@hint(
    "Copy the best numbers INTO the model's own tensors (load_state_dict does): no new model, no new "
    "parameters, and no seed."
)
def test_same_model(student, reference, draw):
    """It is the given model that is trained and left with the best weights: its parameters stay the
    objects that an optimizer already knows. The global random state is left alone."""
    given = task(draw, "--+-+++-", 3)
    got = student.run(probes.fitted, **given)
    assert not student.changed, student.changed
    want = reference.run(probes.fitted, **given)
    assert same_state(got, want), "weights"
    assert same_state(got, want, "after one more step"), "one more step of the optimizer"
