"""Hidden grader: the score of the given weights at the four corners, in double precision."""

import numpy as np
import torch

from autograder.checks import close, describe, hint, is_tensor, number, sequence, show, weight
from tests.module6.xor_weights import probes


def the_parts(found):
    """The four parts, as a student reads them."""
    parts = found["parts"]
    if len(parts) != 4:
        return show(parts)
    told = [f"{name} = {show(part, 70)}" for name, part in zip(("W1", "b1", "w2", "b2"), parts, strict=True)]
    return "; ".join(told + ["with a graph behind b2"] * found["graph"])


pytestmark = describe(the_parts)


CORNERS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
XOR = torch.tensor([False, True, True, False])


def double(x, shape):
    """A tensor, array or nested list as a double tensor of this shape, or None."""
    if isinstance(x, torch.Tensor):
        found = x.detach()
    elif isinstance(x, np.ndarray):
        found = torch.tensor(x.tolist())
    else:
        found = nested(x)
    if not is_tensor(found) or found.is_complex() or tuple(found.shape) != shape:
        return None
    return found.double()


def nested(x):
    """A tensor from a list of numbers or of lists of them; None when it is something else."""
    rows = sequence(x)
    if rows is None:
        value = number(x)
        if value is None or abs(value) > 1e300:  # an int may be beyond any double
            return None
        return torch.tensor(value, dtype=torch.float64)
    entries = [nested(row) for row in rows]
    if not entries or any(e is None or e.shape != entries[0].shape for e in entries):
        return None
    return torch.stack(entries)


def vector(x, strict):
    """Two numbers as a double tensor, or None; unless strict, they may come as a row or a column."""
    shapes = [(2,)] if strict else [(2,), (1, 2), (2, 1)]
    found = next((y for y in (double(x, shape) for shape in shapes) if y is not None), None)
    return None if found is None else found.reshape(2)


def weights(student, strict):
    """The four parts as double tensors; None unless they can be used, or, strictly, unless all have
    their shapes."""
    got = student.run(probes.weights)["parts"]
    if not isinstance(got, list) or len(got) != 4:
        return None
    b2 = got[3].reshape(()) if is_tensor(got[3], (1,)) else got[3]
    found = double(got[0], (2, 2)), vector(got[1], strict), vector(got[2], strict), double(b2, ())
    return None if any(x is None for x in found) else found


def scores(student):
    """The network's score at the four corners, or None."""
    found = weights(student, strict=False)
    if found is None:
        return None
    W1, b1, w2, b2 = found
    return torch.relu(CORNERS @ W1.T + b1) @ w2 + b2


@hint("Return W1 of shape (2, 2), b1 and w2 of shape (2,), and b2 as one number, in this order.")
def test_shapes(student):
    """The four parts come in their order and with their shapes."""
    found = weights(student, strict=True)
    assert found is not None and all(bool(x.isfinite().all()) for x in found)


@weight(0.5)
@hint("Use a Python number, or .item() or .detach(), for b2: a graph belongs to training only.")
def test_plain_bias(student):
    """b2 is one plain number: no list or vector of one entry, and no graph behind it."""
    found = student.run(probes.weights)
    assert found["parts"] and number(found["parts"][-1]) is not None and not found["graph"]
    assert scores(student) is not None, "no parts to compute a score from"


@weight(3)
@hint("Work out w2 . relu(W1 x + b1) + b2 at all four corners; 0 is the boundary, not 1/2.")
def test_signs(student):
    """The score is above 0 at (0, 1) and (1, 0), and not above 0 at (0, 0) and (1, 1)."""
    score = scores(student)
    assert score is not None and bool(((score > 0) == XOR).all()), score


@hint("A score of 0 lies on the boundary: shift b2 so that all four corners keep away from it.")
def test_margin(student):
    """No score of a network that puts (0, 1) and (1, 0) above (0, 0) and (1, 1) comes closer to 0 than
    0.001."""
    score = scores(student)  # on which side of 0 they lie is the matter of another check
    assert score is not None and bool(score[XOR].min() > score[~XOR].max()), score
    assert bool((score.abs() > 0.001).all()), score


@weight(0.5)
@hint("The weights are fixed numbers: no search with the global random numbers, no seed.")
def test_leaves_no_trace(student):
    """Two calls give the same weights, and the global random state is left as it was."""
    first, second = (scores(student) for _ in range(2))
    assert first is not None and second is not None and close(first, second, atol=1e-6)
    assert not student.changed, student.changed
