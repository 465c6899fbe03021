"""Hidden grader: mean cross-entropy from logits and the probabilities, against double precision."""

import pytest
import torch

from autograder.checks import Raised, close, hint, no_verdict, weight
from tests.module6.loss_and_probs import probes

EACH = pytest.mark.parametrize("task", ["binary", "multiclass"])
TYPES = {
    "bool": [torch.bool],
    "whole": [torch.int64, torch.int32, torch.uint8, torch.int8],
    "float": [torch.float32, torch.float64, torch.float16],
}


def problem(draw, task, n, classes=4, dtype=torch.float32):
    """Logits and targets of n samples; every class of a small problem is likely to be there."""
    if task == "binary":
        return 2 * draw.normal(n, dtype=dtype), draw.labels(n, 2)
    return 2 * draw.normal(n, classes, dtype=dtype), draw.labels(n, classes)


def truth(task, logits, targets):
    """Loss, probabilities and gradient in double precision, from their formulas."""
    z, n = logits.double(), len(logits)
    if task == "binary":
        y = targets.double()
        p = z.sigmoid()
        loss = (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()
        return {"loss": loss, "probs": p, "grad": (p - y) / n}
    p = z.softmax(1)
    hit = torch.nn.functional.one_hot(targets, z.shape[1])
    loss = (z.logsumexp(1) - (z * hit).sum(1)).mean()
    return {"loss": loss, "probs": p, "grad": (p - hit) / n}


def right(student, task, logits, targets, *parts, rtol=1e-4, atol=1e-6):
    """Whether these parts of the student's answer are right."""
    got = student.run(probes.ask, task, logits, targets)
    want = truth(task, logits, targets)
    return all(
        close(got[part], want[part].item() if part == "loss" else want[part], rtol, atol) for part in parts
    )


@weight(3)
@hint("Average -ln(probability of the true class) over the samples; do not apply softmax or sigmoid twice.")
@EACH
def test_loss(student, draw, task):
    """The {task} loss is the mean cross-entropy over the samples."""
    for n in (6, draw.integer(11, 20)):
        assert right(student, task, *problem(draw, task, n), "loss")


@weight(2)
@hint("Turn the logits into probabilities once, and give them back for every sample.")
@EACH
def test_probabilities(student, draw, task):
    """The {task} probabilities have the shape of the logits and belong to them."""
    for n in (5, draw.integer(8, 12)):
        assert right(student, task, *problem(draw, task, n), "probs")


@weight(2)
@hint("The loss must stay connected to the logits: a torch tensor, not .item(), not built under no_grad.")
@EACH
def test_gradient(student, draw, task):
    """The {task} loss can be differentiated, and its gradient with respect to the logits is right."""
    assert right(student, task, *problem(draw, task, draw.integer(5, 9)), "grad")


@weight(2)
@hint("A probability that is rounded to 0 or 1 has no logarithm: compute the loss from the logits.")
@EACH
def test_large_loss(student, draw, task):
    """The {task} loss and probabilities stay right for logits up to +1000 and down to -1000."""
    for logits, targets in large_problems(draw, task):
        assert right(student, task, logits, targets, "loss", "probs")


@weight(2)
@hint("Clamping or adding a small number before the logarithm takes the gradient away where it matters.")
@EACH
def test_large_gradient(student, draw, task):
    """The {task} gradient stays right for logits up to +1000 and down to -1000."""
    for logits, targets in large_problems(draw, task):
        assert right(student, task, logits, targets, "grad")


def large_problems(draw, task):
    """Sure and right, sure and wrong: +-1000 and the sizes where float32 starts to round."""
    sizes = [1000.0, draw.uniform(100, 900), draw.uniform(17, 30), draw.uniform(40, 80)]
    if task == "binary":
        logits = torch.tensor([sign * size for size in sizes for sign in (1, -1)])
        targets = draw.labels(8, 2)
        return [(logits, targets), (logits, 1 - targets)]
    rows = [[size, -size, draw.uniform(-1, 1)] for size in sizes] + [[1000.0] * 3, [-1000.0] * 3]
    targets = draw.labels(len(rows), 3)
    return [(torch.tensor(rows), (targets + shift) % 3) for shift in range(3)]


@hint("Bring the targets to the type that the loss needs yourself; a target is just 0 or 1.")
@pytest.mark.parametrize("kind", ["bool", "whole", "float"])
def test_binary_target_types(student, draw, kind):
    """Binary targets of 0 and 1 may come as any number type (here: {kind})."""
    logits, _ = problem(draw, "binary", 8)
    targets = torch.tensor(draw.shuffled([0, 1, 0, 1, 1, 0, 1, 0]))
    want = truth("binary", logits, targets)
    for dtype in TYPES[kind]:
        got = student.run(probes.ask, "binary", logits, targets.to(dtype))
        assert close(got["loss"], want["loss"].item(), rtol=1e-4), dtype
        assert close(got["probs"], want["probs"], rtol=1e-4, atol=1e-6), dtype
        assert close(got["grad"], want["grad"], rtol=1e-4, atol=1e-6), dtype


@hint("Check the dimensions: classes stand in dimension 1, and one sample is still a batch.")
@EACH
def test_small_batches(student, draw, task):
    """The {task} answers are right for one sample, two classes, and as many samples as classes."""
    for n, classes in ((1, 4), (1, 2), (7, 2), (4, 4)):
        assert right(student, task, *problem(draw, task, n, classes), "loss", "probs", "grad")


@weight(0.5)
@hint("Use reshape rather than view, and do not assume how the logits lie in memory.")
def test_transposed_logits(student, draw):
    """Logits that are a transposed view, not contiguous in memory, are fine."""
    logits, targets = problem(draw, "multiclass", 5, 3)
    got = student.run(probes.transposed, logits.t().contiguous(), targets)
    want = truth("multiclass", logits, targets)
    assert close(got["loss"], want["loss"].item(), rtol=1e-4)
    assert close(got["probs"], want["probs"], rtol=1e-4, atol=1e-6)


@hint("Stay in the dtype of the logits: a .float() on the way costs nine digits.")
@EACH
def test_double_precision(student, draw, task):
    """With float64 logits, the {task} results are right to double precision."""
    logits, targets = problem(draw, task, 7, dtype=torch.float64)
    assert right(student, task, logits, targets, "loss", "probs", "grad", rtol=1e-9, atol=1e-11)


@hint("Work on new tensors: operations that end in _ and assignments to entries change what you got.")
@EACH
def test_leaves_no_trace(student, draw, task):
    """Logits, {task} targets and the global random state are left as they were."""
    logits, targets = problem(draw, task, 6)
    kinds = [targets, targets.bool(), targets.float()] if task == "binary" else [targets]
    for given in kinds:
        got = student.loss_and_probs(task, logits, given)
        assert isinstance(got, (tuple, list)) and len(got) == 2
        assert close(got[1], truth(task, logits, targets)["probs"], rtol=1e-4, atol=1e-6)
        assert not student.changed, student.changed


@weight(0.5)
@hint("Tensors that you make yourself have to be made where the logits are: device=logits.device.")
@EACH
def test_device(student, draw, device, task):
    """With logits and targets on another device, {task} works there and both results stay there."""
    logits, targets = problem(draw, task, 5)
    found = student.run(probes.on_device, task, logits, targets, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.loss_and_probs(task, logits, targets)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the pretended device answered {found['error']}")
    assert found["there"], "a result is not on the logits' device"
    want = truth(task, logits, targets)
    assert close(found["value"][1], want["probs"], rtol=1e-4, atol=1e-6)
