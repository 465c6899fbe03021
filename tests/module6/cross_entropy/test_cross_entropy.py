"""Hidden grader: the mean multiclass cross-entropy and its gradient, against double precision."""

import torch

from autograder.checks import Raised, close, describe, hint, named, no_verdict, weight
from tests.module6.cross_entropy import probes

pytestmark = describe(named(loss="loss", grad="gradient"))


def truth(logits, targets):
    """Loss and gradient in double precision, from their formulas."""
    z = logits.double()
    hit = torch.nn.functional.one_hot(targets, z.shape[1])
    loss = (z.logsumexp(1) - (z * hit).sum(1)).mean()
    return {"loss": loss.item(), "grad": (z.softmax(1) - hit) / len(z)}


def right(student, logits, targets, *parts, rtol=1e-4, atol=1e-6):
    """Whether these parts of the student's answer are right."""
    got, want = student.run(probes.ask, logits, targets), truth(logits, targets)
    return all(close(got[part], want[part], rtol, atol) for part in parts)


def batch(draw, dtype=torch.float32):
    """More samples than classes; every class is the true one of some sample."""
    targets = torch.tensor(draw.shuffled([0, 1, 2, 3, *draw.integers(0, 3, 3)]))
    return 2 * draw.normal(7, 4, dtype=dtype), targets


def sure(draw):
    """Rows that hold 1000 and logits far below it; each of the three classes is the true one once."""
    rows = [
        [1000.0, -1000.0, draw.uniform(-1, 1)],
        [1000.0, draw.uniform(200, 800), -draw.uniform(200, 800)],
        [1000.0, 1000 - draw.uniform(110, 190), 1000 - draw.uniform(20, 80)],
    ]
    return torch.tensor([draw.shuffled(row) for row in rows] * 3), torch.arange(3).repeat_interleave(3)


@weight(5)
@hint(
    "One softmax, along the classes; then -ln of the true class's probability, averaged over the samples: "
    "in torch operations all the way, no .item(), .detach(), NumPy."
)
def test_loss(student, draw):
    """The loss is the cross-entropy of the true classes, averaged over the samples; it can be
    differentiated, and its gradient with respect to the logits is right."""
    assert right(student, *batch(draw), "loss", "grad")


@weight(3.5)
@hint(
    "A probability that was rounded to 0 has no logarithm; a small number added to it, a clamp, or another "
    "number for inf takes the gradient away where it is needed most: take the logarithm on paper first."
)
def test_large_logits(student, draw):
    """The loss and its gradient are finite and right when logits are as large as +1000 and as small as
    -1000."""
    logits, targets = sure(draw)
    got, want = student.run(probes.ask, logits, targets), truth(logits, targets)
    assert close(got["loss"], want["loss"], rtol=1e-4, atol=1e-6)
    # a missing graph is for the check of ordinary logits
    assert got["grad"] is None or close(got["grad"], want["grad"], rtol=1e-4, atol=1e-6)


@weight(1.5)
@hint("Every row needs a shift of its own: one maximum for all leaves the low rows nothing but zeros.")
def test_row_shift(student, draw):
    """Adding a number to all logits of a row changes nothing, another number for each row."""
    logits, targets = batch(draw)
    shifts = [997.0, -997.0, *draw.uniforms(100, 900, 2), *draw.uniforms(-900, -100, 2), 0.0]
    shifted = logits + torch.tensor(draw.shuffled(shifts))[:, None]
    # Near 1000 float32 has steps of 6e-5.
    assert right(student, shifted, targets, "loss", rtol=1e-3, atol=1e-3)


@weight(1.5)
@hint("Take both sizes from the logits: a class that is nobody's target in this batch is still a class.")
def test_small_batches(student, draw):
    """The loss is right for a single sample, for two classes, for as many samples as classes, and when
    the last classes are nobody's target."""
    cases = [(1, 5, draw.integers(0, 3, 1)), (6, 2, draw.shuffled([0, 1] * 3)), (4, 4, [0, 2, 1, 0])]
    for n, classes, targets in cases:
        assert right(student, 2 * draw.normal(n, classes), torch.tensor(targets), "loss")


@weight(0.5)
@hint("Stay in the dtype of the logits: a small number added for safety, or a .float(), costs digits.")
def test_double_precision(student, draw):
    """With float64 logits, the loss is right to double precision."""
    assert right(student, *batch(draw, torch.float64), "loss", rtol=1e-9, atol=1e-12)


@hint("Work on new tensors: operations that end in _ and assignments to entries change what you got.")
def test_leaves_no_trace(student, draw):
    """The loss is right, and logits, targets and the global random state are as they were."""
    logits, targets = batch(draw)
    got = student.cross_entropy(logits, targets)
    value = got.reshape(()) if isinstance(got, torch.Tensor) and got.numel() == 1 else got
    assert close(value, truth(logits, targets)["loss"], rtol=1e-4)
    assert not student.changed, student.changed


@weight(0.5)
@hint("Tensors that you make yourself have to be made where the logits are: device=logits.device.")
def test_device(student, draw, device):
    """With logits and targets on another device, it works there and the loss stays there."""
    logits, targets = batch(draw)
    found = student.run(probes.on_device, logits, targets, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.cross_entropy(logits, targets)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["there"], "the loss is not on the logits' device"
    assert close(found["value"], truth(logits, targets)["loss"], rtol=1e-4)
