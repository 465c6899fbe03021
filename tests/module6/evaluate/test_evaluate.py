"""Hidden grader: what evaluate measures, and that it leaves model, gradients and mode alone."""

import pytest
import torch

from autograder.checks import Raised, close, describe, hint, named, no_verdict, number, sequence, weight
from tests.module6 import training_probes as probes

pytestmark = describe(named(value="", graph={True: "a graph was built"}))


def task(draw, kind="mlp", sizes=(8, 8, 8), **more):
    """Arguments of the probes: drawn weights and data; two thirds of the labels are right."""
    n = sum(sizes)
    weights = [draw.normal(*s) / max(s[1:], default=2) ** 0.5 for s in probes.SHAPES[kind]]
    xs = 2 * draw.normal(n, *((1, 3, 3) if kind == "images" else (6,)))
    with torch.no_grad():
        best = probes.build(kind, weights).eval()(xs).argmax(1)
    # Wrong in a drawn third of the samples, so that no accuracy is right by chance.
    wrong = torch.zeros(n, dtype=torch.bool)
    wrong[draw.shuffled(range(n))[: n // 3]] = True
    ys = torch.where(wrong, (best + 1) % 3, best)
    return {"kind": kind, "weights": weights, "xs": xs, "ys": ys, "sizes": list(sizes), **more}


def uneven(draw, **more):
    """A task whose last batch is smaller, harder, and wrong where the others are right."""
    given = task(draw, sizes=(7, 7, draw.integer(2, 4)), **more)
    with torch.no_grad():
        best = probes.build(given["kind"], given["weights"]).eval()(given["xs"]).argmax(1)
    given["ys"] = best
    given["ys"][14:] = (best[14:] + 1) % 3
    return given


def pair(value):
    """The two plain numbers of the result, as a list; None when it is anything else."""
    found = [number(x) for x in sequence(value) or []]
    return found if len(found) == 2 and None not in found else None


def same(got, want, which=slice(None)):
    """Whether the results agree (both of them, or the one that is named)."""
    found, wanted = pair(got["value"]), pair(want["value"])
    return found is not None and close(found[which], wanted[which], rtol=1e-4, atol=1e-7)


LOSS, ACCURACY = 0, 1


def measured(got, want):
    """Whether anything was measured at all: who does nothing leaves no trace either, and earns nothing."""
    return same(got, want, LOSS) or same(got, want, ACCURACY)


@weight(4)
@hint("Return (loss, accuracy): two plain numbers, in this order, the accuracy as a share.")
def test_values(student, reference, draw):
    """evaluate returns the mean loss and the accuracy (between 0 and 1) of the model, whatever the
    shape of its inputs."""
    given = task(draw, kind="images")
    got = student.run(probes.evaluated, **given)
    assert same(got, reference.run(probes.evaluated, **given))


@weight(2)
@hint("Weigh each batch's mean by its number of samples, then divide by the number of samples.")
def test_loss_of_smaller_batch(student, reference, draw):
    """The loss is the mean over samples, also when the last batch is smaller."""
    given = uneven(draw)
    got = student.run(probes.evaluated, **given)
    assert same(got, reference.run(probes.evaluated, **given), LOSS)


@hint("Count the right answers and the samples; divide one by the other at the end.")
def test_accuracy_of_smaller_batch(student, reference, draw):
    """The accuracy is the share of all samples, also when the last batch is smaller."""
    given = uneven(draw)
    got = student.run(probes.evaluated, **given)
    assert same(got, reference.run(probes.evaluated, **given), ACCURACY)


@weight(2)
@hint("no_grad does not change the mode: model.eval() does, for every layer at once.")
def test_eval_mode(student, reference, draw):
    """The model is measured in eval mode, whatever mode it arrives in."""
    for kind in ("dropout", "mode"):
        given = task(draw, kind=kind)
        got = student.run(probes.evaluated, **given)
        assert same(got, reference.run(probes.evaluated, **given)), kind


@weight(2)
@hint("Training mode changes batch norm's buffers in the forward pass alone, no_grad or not.")
@describe(named(value="", trainable="requires_grad of each weight", state="weights and buffers afterwards"))
def test_model_untouched(student, reference, draw):
    """Weights, buffers and requires_grad are afterwards what they were before."""
    given = task(draw, kind="batch norm")
    got = student.run(probes.evaluated, **given)
    want = reference.run(probes.evaluated, **given)
    assert close(got["state"], want["state"], rtol=0, atol=0), "weights and buffers"
    assert close(got["trainable"], want["trainable"]), "requires_grad"
    given = task(draw)
    got = student.run(probes.evaluated, **given)
    assert measured(got, reference.run(probes.evaluated, **given)), "nothing was measured"


@weight(2)
@hint("Wrap the loop in torch.no_grad(): eval() is a matter of layers, not of autograd.")
def test_no_graph(student, reference, draw):
    """No graph is built for gradients that nobody wants."""
    given = task(draw)
    got = student.run(probes.evaluated, **given)
    assert close(got["graph"], False)
    assert measured(got, reference.run(probes.evaluated, **given)), "nothing was measured"


@weight(2)
@hint("A with block puts the grad mode back by itself, to what the caller had.")
@pytest.mark.parametrize("grad", [True, False])
@describe(
    named(value="", grad_after={True: "gradients are on afterwards", False: "gradients are off afterwards"})
)
def test_grad_mode(student, reference, draw, grad):
    """The grad mode is left as it was found, on or off, and evaluate works in both."""
    given = task(draw, grad=grad)
    got = student.run(probes.evaluated, **given)
    assert close(got["grad_after"], grad), "grad mode"
    assert same(got, reference.run(probes.evaluated, **given)), "values"


@weight(4)
@hint("Walk through the loader once; a generator has no len() and no dataset: count as you go.")
def test_any_loader(student, reference, draw):
    """Every sample that the loader gives is counted exactly once: of a generator, of what can only
    be walked through, of a DataLoader."""
    for loader in ("generator", "stream", "DataLoader"):
        sizes = (6,) * 3 if loader != "DataLoader" else (5,) * 24 + (2,)
        given = task(draw, sizes=sizes, loader=loader, seed=draw.seed())
        got = student.run(probes.evaluated, **given)
        assert same(got, reference.run(probes.evaluated, **given)), loader


@hint("Keep the batch dimension, also when it is 1: no squeeze.")
def test_batch_of_one(student, reference, draw):
    """A batch may hold a single sample."""
    given = task(draw, sizes=(1, 1, 1, 1, 1, 1))
    got = student.run(probes.evaluated, **given)
    assert same(got, reference.run(probes.evaluated, **given))


@hint("Call criterion(output, target) with the model's output as it is, and take what it says.")
def test_any_criterion(student, reference, draw):
    """Any criterion that averages over its batch can be measured."""
    # Three samples and three classes: a mean over the wrong dimension has the right shape.
    given = task(draw, sizes=(3, 3, 3), criterion="class_margin")
    got = student.run(probes.evaluated, **given)
    assert same(got, reference.run(probes.evaluated, **given))


@weight(2)
@hint("Move inputs AND targets: x, y = x.to(device), y.to(device). The result has to be kept.")
def test_device(student, reference, draw, device):
    """Each batch is moved to the device of the model before it is used."""
    given = task(draw)
    want = reference.run(probes.evaluated, **given)
    found = student.run(probes.evaluated_far, **given, device=device)
    if found["limit"]:
        no_verdict("the pretended device came to its limit")
    assert found["error"] not in ("mixed", "numpy"), found["error"]
    if found["error"]:
        try:
            student.run(probes.evaluated, **given)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["value"]["there"], "the model was moved away"
    assert measured(found["value"], want), "nothing was measured"


@hint("Measuring needs no random numbers, and the batches belong to the caller.")
def test_leaves_no_trace(student, reference, draw):
    """The batches and the global random state are left as they were."""
    for kind in ("mode", "mlp"):
        given = task(draw, kind=kind)
        got = student.run(probes.evaluated, **given)
        left = set(student.changed) - {"grad mode"}  # which is the matter of another check
        assert not left, left
    assert measured(got, reference.run(probes.evaluated, **given)), "nothing was measured"
