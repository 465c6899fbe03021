"""Hidden grader: weights and mean loss after train_one_epoch, against the reference's.

Weights and data are drawn at grading time; a student's process gets the weights as data and gives
back what training made of them.
"""

import torch

from autograder.checks import Raised, close, describe, hint, named, no_verdict, weight
from tests.module6 import training_probes as probes

pytestmark = describe(named(losses="losses", state="weights afterwards"))


def task(draw, kind="mlp", sizes=(4, 4, 4), **more):
    """Arguments of the probes: drawn weights and data for a model of this kind."""
    n = sum(sizes)
    weights = [draw.normal(*shape) / max(shape[1:], default=2) ** 0.5 for shape in probes.SHAPES[kind]]
    xs = 2 * draw.normal(n, *((1, 3, 3) if kind == "images" else (6,)))
    if kind in ("one output", "column"):
        ys = draw.normal(n, 1) if kind == "column" else draw.normal(n)
    else:
        ys = draw.labels(n, 3)
    return {"kind": kind, "weights": weights, "xs": xs, "ys": ys, "sizes": list(sizes), **more}


def uneven(draw, **more):
    """A task whose last batch is smaller and much harder, so that it matters how it is counted."""
    sizes = [5, 5, draw.integer(2, 3)]
    given = task(draw, sizes=sizes, **more)
    given["xs"][10:] *= 4
    given["lr"] = 0.02
    return given


def same_weights(got, want):
    """Whether training ended with the same weights and buffers."""
    return close(got["state"], want["state"], rtol=1e-3, atol=1e-5)


def same_losses(got, want):
    """Whether the same mean losses came back; a graph on them is the matter of one check alone."""
    losses = [x.detach() if isinstance(x, torch.Tensor) else x for x in got["losses"]]
    return same_plain_losses({"losses": losses}, want)


def same_plain_losses(got, want):
    """Whether the same mean losses came back, as plain numbers."""
    return close(got["losses"], want["losses"], rtol=1e-4, atol=1e-9)


@weight(5)
@hint("For each batch: clear the gradients, forward, loss, backward, one step of the optimizer as it came.")
def test_weights(student, reference, draw):
    """With any optimizer, the weights after each epoch are those that one step for each batch gives, each
    step with the gradient of its own batch alone; a second epoch goes on where the first one ended."""
    for optimizer in ("momentum", "Adam"):
        given = task(draw, sizes=(4, 4, 4), epochs=2, optimizer=optimizer, lr=0.05)
        got = student.run(probes.trained, **given)
        assert same_weights(got, reference.run(probes.trained, **given)), optimizer


@weight(2)
@hint("Take each batch's loss as a plain number before the step; sum over batches, divide once.")
def test_mean_loss(student, reference, draw):
    """The function returns the mean training loss of the epoch, as a plain number, each batch's
    loss as it was before the step of that batch."""
    given = task(draw, sizes=(4, 4, 4), lr=0.5)
    got = student.run(probes.trained, **given)
    assert same_plain_losses(got, reference.run(probes.trained, **given))


@weight(2)
@hint("Weigh each batch's mean by its number of samples, then divide by the number of samples.")
def test_last_batch_smaller(student, reference, draw):
    """The returned loss is the mean over samples, also when the last batch is smaller."""
    given = uneven(draw)
    got = student.run(probes.trained, **given)
    assert same_losses(got, reference.run(probes.trained, **given))


@weight(2)
@hint("An evaluation may have left the model in eval mode: set the mode you need yourself.")
def test_training_mode(student, reference, draw):
    """The model trains in training mode, whatever mode it arrives in."""
    given = task(draw, kind="mode", sizes=(4, 4, 4))
    got = student.run(probes.trained, **given)
    assert same_weights(got, reference.run(probes.trained, **given))


@weight(2)
@hint("Put the whole model into training mode, and let it see every batch exactly once.")
def test_batch_norm(student, reference, draw):
    """Batch norm learns its weights and its running statistics, from each batch once."""
    given = task(draw, kind="batch norm", sizes=(6, 5, 4), training=True)
    got = student.run(probes.trained, **given)
    assert same_weights(got, reference.run(probes.trained, **given))


@weight(4)
@hint("Walk through the loader once; a generator has no len() and no dataset: count as you go.")
def test_any_loader(student, reference, draw):
    """Every sample that the loader gives is used, and counted, exactly once: of a generator, of what
    can only be walked through, of a DataLoader."""
    for loader in ("generator", "stream", "DataLoader"):
        sizes = (3, 3, 3, 1) if loader != "DataLoader" else (3,) * 24 + (2,)
        given = task(draw, sizes=sizes, loader=loader, optimizer="momentum", lr=0.02)
        given["seed"] = draw.seed()
        got = student.run(probes.trained, **given)
        want = reference.run(probes.trained, **given)
        assert same_weights(got, want), loader
        assert loader != "DataLoader" or same_losses(got, want), "loss"


ANY_MODEL = {
    "images": {},
    "one output": {"criterion": "MSELoss"},
    "column": {"criterion": "mean_square"},
    "mlp": {"optimizer": "two rates"},
}


@weight(3)
@hint("Hand the batch to model(...) and the output to criterion(output, target) just as they are.")
def test_any_model(student, reference, draw):
    """Inputs, outputs and targets of any shape, any model and any criterion that averages over its
    batch will do: nothing is reshaped, converted or added on the way."""
    for kind, more in ANY_MODEL.items():
        given = task(draw, kind=kind, sizes=(4, 4, 1), **more)
        got = student.run(probes.trained, **given)
        assert same_weights(got, reference.run(probes.trained, **given)), kind


@hint("Take the loss and the gradients as they are: nothing clipped, nothing rounded.")
def test_scale(student, reference, draw):
    """Losses and gradients may be large or small; the steps and the returned loss follow them."""
    given = task(draw, kind="column", sizes=(4, 4, 4))
    large = {"criterion": "MSELoss", "ys": 100 * given["ys"], "lr": 1e-4}
    for other in (large, {"criterion": "small_margin", "lr": 50.0}):
        got = student.run(probes.trained, **(given | other))
        want = reference.run(probes.trained, **(given | other))
        assert same_weights(got, want), "weights"
        assert same_losses(got, want), "loss"


@weight(2)
@hint("Move inputs AND targets: x, y = x.to(device), y.to(device). The result has to be kept.")
def test_device(student, reference, draw, device):
    """Each batch is moved to the device of the model before it is used."""
    given = task(draw, kind="mlp", sizes=(4, 4, 4))
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
    assert same_weights(found["value"], want), "weights"
    assert same_losses(found["value"], want), "loss"


@hint("No seeds, no draws, no x.mul_() and the like: the batches belong to the caller.")
def test_leaves_no_trace(student, reference, draw):
    """The batches, the global random state and the grad mode are left as they were."""
    given = task(draw, sizes=(4, 3))
    got = student.run(probes.trained, **given)
    assert not student.changed, student.changed
    student.run(probes.trained, **(given | {"kind": "mode"}))
    assert not student.changed, student.changed
    # Who does nothing leaves no trace either, and earns nothing by it.
    assert same_weights(got, reference.run(probes.trained, **given)), "weights"
