"""Hidden grader: each planted bug on its own, then the rest of train_one_epoch's contract.

A check of one bug is blind to the other two, so that each repair counts for itself; the remaining
checks want the whole loop right, so that nobody earns them with the loop as it was given.
"""

from autograder.checks import Raised, describe, hint, named, no_verdict, weight
from tests.module6 import training_probes as probes
from tests.module6.train_one_epoch.test_train_one_epoch import (
    same_plain_losses,
    same_weights,
    task,
    uneven,
)

pytestmark = describe(named(losses="losses", state="weights afterwards"))

FUNCTION = {"function": "repaired_loop"}


def both(got, want):
    """Whether training ended with the same weights and returned the same mean losses."""
    return same_weights(got, want) and same_plain_losses(got, want)


@weight(2)
@hint("backward() adds to .grad: once a batch, before the next backward pass, it has to be cleared.")
def test_gradients(student, reference, draw):
    """Each step follows the gradient of its own batch alone."""
    given = task(draw, sizes=(4, 4, 4, 4), lr=0.05, **FUNCTION)
    got = student.run(probes.trained, **given)
    assert same_weights(got, reference.run(probes.trained, **given))


@weight(2)
@hint("Turn each batch's mean back into a sum; divide once, by the number of samples.")
def test_mean_over_samples(student, reference, draw):
    """The returned loss is the mean over samples, each as it was before the step of its batch."""
    given = uneven(draw, **FUNCTION)
    # The second of two losses depends on the first step alone, for which no old gradient is left.
    given |= {"xs": given["xs"][5:], "ys": given["ys"][5:], "sizes": given["sizes"][1:], "lr": 0.1}
    got = student.run(probes.trained, **given)
    assert same_plain_losses(got, reference.run(probes.trained, **given))


@weight(2)
@hint("eval() belongs into an evaluation: before you train, set the mode that training needs.")
def test_training_mode(student, reference, draw):
    """The model trains in training mode, whatever mode it arrives in."""
    given = task(draw, kind="mode", sizes=(6,), **FUNCTION)  # one batch: no old gradients
    got = student.run(probes.trained, **given)
    assert same_weights(got, reference.run(probes.trained, **given))


@hint("Walk through the loader once; a generator has no len() and no dataset: count as you go.")
def test_generator(student, reference, draw):
    """The loader may be a generator, and its last batch a single sample."""
    given = task(draw, kind="mode", sizes=(3, 3, 1), loader="generator", lr=0.02, **FUNCTION)
    got = student.run(probes.trained, **given)
    assert both(got, reference.run(probes.trained, **given))


@hint("Use the optimizer that you are given: its momentum carries over to the next epoch.")
def test_two_epochs(student, reference, draw):
    """A second epoch goes on where the first one ended."""
    given = task(draw, kind="mode", sizes=(4, 4, 3), epochs=2, lr=0.01, **FUNCTION)
    got = student.run(probes.trained, **given, optimizer="momentum")
    assert both(got, reference.run(probes.trained, **given, optimizer="momentum"))


@hint("Move inputs AND targets: .to(device) hands you another tensor, which has to be kept.")
def test_device(student, reference, draw, device):
    """Each batch is moved to the device of the model before it is used."""
    given = task(draw, kind="mode", sizes=(4, 4, 2), **FUNCTION)
    want = reference.run(probes.trained, **given)
    found = student.run(probes.trained_far, **given, device=device)
    if found["limit"]:
        no_verdict("the pretended device came to its limit")
    assert found["error"] not in ("mixed", "numpy"), found["error"]
    if found["error"]:
        try:
            student.run(probes.trained, **given)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["value"]["there"], "the model was moved away"
    assert both(found["value"], want)


@hint("No seeds, no draws, no x.mul_() and the like: the batches belong to the caller.")
def test_leaves_no_trace(student, reference, draw):
    """The batches, the global random state and the grad mode are left as they were."""
    given = task(draw, kind="mode", sizes=(4, 4, 3), **FUNCTION)
    got = student.run(probes.trained, **given)
    assert not student.changed, student.changed
    # Who does nothing leaves no trace either, and earns nothing by it.
    assert both(got, reference.run(probes.trained, **given))
