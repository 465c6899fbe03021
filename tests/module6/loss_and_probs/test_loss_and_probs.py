"""Hidden grader: mean cross-entropy from logits and the probabilities, against double precision."""

import pytest
import torch

from autograder.checks import Raised, close, describe, hint, named, no_verdict, weight
from tests.module6.loss_and_probs import probes

pytestmark = describe(named(loss="loss", probs="probabilities", grad="gradient"))

TASKS = ["binary", "multiclass"]
EACH = pytest.mark.parametrize("task", TASKS)
TYPES = [torch.bool, torch.int64, torch.int32, torch.uint8, torch.int8]
TYPES += [torch.float32, torch.float64, torch.float16]


def problem(draw, task, n, classes=4, dtype=torch.float32):
    """Logits and targets of n samples; every class of a small problem is likely to be there."""
    if task == "binary":
        return 2 * draw.normal(n, dtype=dtype), draw.labels(n, 2)
    return 2 * draw.normal(n, classes, dtype=dtype), draw.labels(n, classes)


def large_problems(draw, task):
    """Sure and right, sure and wrong: +-1000 and the sizes where float32 starts to round."""
    sizes = [1000.0, draw.uniform(100, 900), draw.uniform(17, 30), draw.uniform(40, 80)]
    if task == "binary":
        logits = torch.tensor([sign * size for size in sizes for sign in (1, -1)])
        targets = draw.labels(8, 2)
        return [(task, logits, targets), (task, logits, 1 - targets)]
    rows = [[size, -size, draw.uniform(-1, 1)] for size in sizes] + [[1000.0] * 3, [-1000.0] * 3]
    targets = draw.labels(len(rows), 3)
    return [(task, torch.tensor(rows), (targets + shift) % 3) for shift in range(3)]


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


def right(student, problems, *parts, rtol=1e-4, atol=1e-6):
    """Whether these parts of the student's answers to (task, logits, targets) are right."""
    found = student.run(probes.ask, problems)
    return all(
        close(got[part], want[part].item() if part == "loss" else want[part], rtol, atol)
        for got, question in zip(found, problems, strict=True)
        for want in [truth(*question)]
        for part in parts
    )


@weight(4)
@hint(
    "Average -ln(probability of the true class) over the samples, no softmax or sigmoid twice; and from the "
    "logits: a log of rounded, clamped or shifted probabilities goes wrong."
)
@EACH
def test_loss(student, draw, task):
    """The {task} loss is the mean cross-entropy over the samples; it and its gradient stay right for
    logits up to +1000 and down to -1000."""
    assert right(student, [(task, *problem(draw, task, n)) for n in (6, draw.integer(11, 20))], "loss")
    problems = large_problems(draw, task)
    for got, question in zip(student.run(probes.ask, problems), problems, strict=True):
        want = truth(*question)
        assert close(got["loss"], want["loss"].item(), rtol=1e-4, atol=1e-6)
        # a missing graph is for the check of ordinary gradients
        assert got["grad"] is None or close(got["grad"], want["grad"], rtol=1e-4, atol=1e-6)


@weight(3)
@hint("Turn the logits into probabilities once, and give them back for every sample. exp(1000) is infinite.")
@EACH
def test_probabilities(student, draw, task):
    """The {task} probabilities have the shape of the logits and belong to them, also for logits up to
    +1000 and down to -1000."""
    ordinary = [(task, *problem(draw, task, n)) for n in (5, draw.integer(8, 12))]
    assert right(student, ordinary + large_problems(draw, task), "probs")


@weight(3)
@hint("The loss must stay connected to the logits: a torch tensor, not .item(), not built under no_grad.")
def test_gradient(student, draw):
    """The loss can be differentiated, and its gradient with respect to the logits is right."""
    assert right(student, [(task, *problem(draw, task, draw.integer(5, 9))) for task in TASKS], "grad")


@weight(2)
@hint("Bring the targets to the type that the loss needs yourself; a target is just 0 or 1.")
def test_binary_target_types(student, draw):
    """Binary targets of 0 and 1 may come as any number type: bool, whole numbers, floats."""
    logits, _ = problem(draw, "binary", 8)
    targets = torch.tensor(draw.shuffled([0, 1, 0, 1, 1, 0, 1, 0]))
    assert right(student, [("binary", logits, targets.to(dtype)) for dtype in TYPES], "loss", "probs")


@weight(2)
@hint("Classes stand in dimension 1, one sample is still a batch, and reshape works where view does not.")
def test_shapes(student, draw):
    """One sample, two classes, as many samples as classes and transposed logits are fine."""
    sizes = ((1, 4), (1, 2), (7, 2), (4, 4))
    problems = [(task, *problem(draw, task, n, classes)) for task in TASKS for n, classes in sizes]
    assert right(student, problems, "loss", "probs")
    logits, targets = problem(draw, "multiclass", 5, 3)
    got = student.run(probes.transposed, logits.t().contiguous(), targets)
    want = truth("multiclass", logits, targets)
    assert close(got["loss"], want["loss"].item(), rtol=1e-4)
    assert close(got["probs"], want["probs"], rtol=1e-4, atol=1e-6)


@hint("Stay in the dtype of the logits: a .float() on the way costs nine digits.")
def test_double_precision(student, draw):
    """With float64 logits, both results are right to double precision."""
    problems = [(task, *problem(draw, task, 7, dtype=torch.float64)) for task in TASKS]
    assert right(student, problems, "loss", "probs", rtol=1e-9, atol=1e-11)


@hint("Work on new tensors: operations that end in _ and assignments to entries change what you got.")
def test_leaves_no_trace(student, draw):
    """Logits, targets and the global random state are left as they were."""
    logits, targets = problem(draw, "binary", 6)
    problems = [("binary", logits, targets.to(dtype)) for dtype in (torch.int64, torch.bool, torch.float32)]
    problems.append(("multiclass", *problem(draw, "multiclass", 6)))
    found = student.run(probes.plain_calls, problems)
    assert close(found, [truth(*question)["probs"] for question in problems], rtol=1e-4, atol=1e-6)
    assert not student.changed, student.changed


@hint("Tensors that you make yourself have to be made where the logits are: device=logits.device.")
def test_device(student, draw, device):
    """With logits and targets on another device, both tasks work there and all results stay there."""
    problems = [(task, *problem(draw, task, 5)) for task in TASKS]
    found = student.run(probes.on_device, problems, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.run(probes.plain_calls, problems)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["there"], "a result is not on the logits' device"
    for (_, probs), question in zip(found["value"], problems, strict=True):
        assert close(probs, truth(*question)["probs"], rtol=1e-4, atol=1e-6)
