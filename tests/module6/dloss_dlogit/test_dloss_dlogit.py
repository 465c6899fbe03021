"""Hidden grader: derivatives with respect to the logit, against their formulas in double precision."""

import pytest
import torch

from autograder.checks import Raised, close, hint, no_verdict, weight
from tests.module6.dloss_dlogit import probes

KINDS = ["ce", "mse"]
EACH = pytest.mark.parametrize("kind", KINDS)


def slope(logit, target, kind):
    """The derivative in double precision; the sigmoid's own slope without a difference that cancels."""
    z, y = logit.double(), target.double()
    p = z.sigmoid()
    return p - y if kind == "ce" else 2 * (p - y) * p * (-z).sigmoid()


def samples(draw, dtype=torch.float32):
    """Logits of ordinary size, each sign with either target."""
    logit = torch.tensor([1, 1, -1, -1, 1]) * (0.2 + 2 * draw.rand(5, dtype=dtype))
    return logit, torch.tensor([0, 1, 0, 1, 1], dtype=dtype)


def right(student, logit, target, kind, rtol=1e-4, atol=1e-6):
    """Whether the student's derivative is right."""
    return close(student.dloss_dlogit(logit, target, kind), slope(logit, target, kind), rtol, atol)


@weight(3)
@hint(
    "Follow the chain to the logit, through the sigmoid's slope; average nothing. If only large logits fail: "
    "do not divide by a probability that was rounded to 0, or by inf, but simplify on paper first."
)
@EACH
def test_derivative(student, draw, kind):
    """For "{kind}", each entry is the derivative of that sample's loss with respect to its LOGIT, not with
    respect to its probability: finite and right for logits up to +500 and down to -500."""
    assert right(student, *samples(draw), kind)
    sizes = [500.0, draw.uniform(95, 450), draw.uniform(40, 80), draw.uniform(18, 30), draw.uniform(0.2, 1)]
    logit = torch.tensor([sign * size for size in sizes for sign in (1, 1, -1, -1)])
    assert right(student, logit, torch.tensor([0.0, 1.0] * 10), kind)


@weight(2)
@hint("Elementwise means that every entry is computed alone, whatever the shape: no loops over rows.")
def test_shapes(student, draw):
    """The result has the shape of the logits, for both kinds: a table of numbers, or a single one
    (0 dimensions)."""
    for kind in KINDS:
        for shape in ((2, 3), ()):
            logit, target = draw.normal(*shape), draw.rand(*shape).round()
            assert right(student, logit, target, kind)


@weight(0.5)
@hint("Stay in the dtype of the logits: a small number added for safety, or a .float(), costs digits.")
def test_double_precision(student, draw):
    """With float64 logits and targets, the derivatives are right to double precision."""
    for kind in KINDS:
        assert right(student, *samples(draw, torch.float64), kind, rtol=1e-9, atol=1e-12)


@hint("Work on new tensors: what ends in _ (requires_grad_ too) or assigns to entries changes what you got.")
def test_leaves_no_trace(student, draw):
    """The derivatives are right, and logits, targets and the global random state are as they were."""
    for kind in KINDS:
        assert right(student, *samples(draw), kind)
        assert not student.changed, student.changed


@hint("Tensors that you make yourself have to be made where the logits are: device=logit.device.")
def test_device(student, draw, device):
    """With logits and targets on another device, both kinds work there and the result stays there."""
    for kind in KINDS:
        there(student, *samples(draw), kind, device)


def there(student, logit, target, kind, device):
    """Whether one kind works on another device."""
    found = student.run(probes.on_device, logit, target, kind, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        try:
            student.dloss_dlogit(logit, target, kind)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["there"], "the result is not on the logits' device"
    assert close(found["value"], slope(logit, target, kind), rtol=1e-4, atol=1e-6)
