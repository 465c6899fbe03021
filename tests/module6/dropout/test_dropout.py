"""Hidden grader: what dropout makes of each value, of gradients and of the global generator.

The bounds on shares are Hoeffding's: of n independent draws a share is off by more than 3 / sqrt(n)
less than once in 30 million, whatever p is.
"""

import torch

from autograder.checks import close, describe, hint, is_tensor, named, no_verdict, weight
from tests.module6.dropout import probes

pytestmark = describe(named(out="output", gradient="gradient"))


def values(draw, *shape, dtype=torch.float32):
    """Drawn numbers of both signs, none of them near 0."""
    return (0.5 + draw.rand(*shape, dtype=dtype)) * draw.normal(*shape, dtype=dtype).sign().add(0.5).sign()


def gone(out, x, p):
    """Which values were dropped; None unless all others are the kept and scaled values of x."""
    if not is_tensor(out, tuple(x.shape)):
        return None
    out, scaled = out.detach().double(), x.double() / (1 - p)
    zero = out == 0
    return zero if bool((zero | ((out - scaled).abs() <= 1e-5 * scaled.abs())).all()) else None


def real(out, x, p):
    """Whether some values were dropped and the others scaled (x holds too many for chance to matter)."""
    mask = gone(out, x, p)
    return mask is not None and 0 < int(mask.sum()) < mask.numel()


def near_share(hits, wanted):
    """Whether the share of True is what independent draws give."""
    return abs(hits.double().mean().item() - wanted) < 3 / hits.numel() ** 0.5


@weight(2)
@hint("p is the probability to DROP a value; divide what is kept by the probability to keep it.")
def test_values(student, draw):
    """In training each value is set to zero with probability p; a kept value becomes exactly
    x / (1 - p). Nothing else comes out."""
    x = values(draw, 50, 80)
    ps = [draw.uniform(0.1, 0.3), draw.uniform(0.7, 0.9)]
    # A right solution fails once in 15 million: two shares.
    for out, p in zip(student.run(probes.dropped, x, ps), ps, strict=True):
        mask = gone(out, x, p)
        assert mask is not None, "neither dropped nor kept and scaled"
        assert near_share(mask, p), "share"


@weight(2)
@hint("The mask has the shape of x, with a random draw of its own in each entry, anew in each call.")
def test_independent(student, draw):
    """Each value is dropped or kept by a draw of its own: not whole rows, columns or samples, not a
    fixed number of values, not the same values in each call."""
    x = values(draw, 8, 7, 6, 5)
    masks = [gone(out, x, 0.5) for out in student.run(probes.dropped, x, [0.5] * 6)]
    assert all(mask is not None for mask in masks), "values"
    first, second = masks[:2]
    # With p = 1/2 "same as its neighbour" is a fair draw, independent from place to place along a
    # line. Five shares and six equal counts: a right solution fails once in 6 million.
    for axis, n in enumerate(x.shape):
        same = first.narrow(axis, 1, n - 1) == first.narrow(axis, 0, n - 1)
        assert near_share(same, 0.5), f"neighbours along dimension {axis}"
    assert near_share(first == second, 0.5), "the same mask again"
    assert len({int(mask.sum()) for mask in masks}) > 1, "a fixed number is dropped"


@weight(2)
@hint(
    "1 / (1 - p) is infinite for p = 1, and infinity times 0 is NaN, in the gradient too: think of p = 1 apart."
)
def test_extremes(student, draw):
    """p = 0 drops nothing, p = 1 drops everything: zeros, never NaN, also in the gradient."""
    x, slope = values(draw, 6, 7), values(draw, 6, 7)
    nothing, everything = student.run(probes.with_gradient, x, slope, [0.0, 1.0])
    assert close(nothing["out"], x), "p = 0"
    assert close(nothing["gradient"], slope, atol=1e-5), "gradient, p = 0"
    assert close(everything["out"], torch.zeros_like(x)), "p = 1"
    assert close(everything["gradient"], torch.zeros_like(x)), "gradient, p = 1"


@weight(2)
@hint(
    "The scaling in training has already made up for what is dropped: in eval mode x goes through as it is."
)
def test_eval(student, draw):
    """With training=False the values go through unchanged, for every p; with training=True they do not."""
    x, slope = values(draw, 10, 9), values(draw, 10, 9)
    p = draw.uniform(0.4, 0.6)
    for found in student.run(probes.with_gradient, x, slope, [p, 1.0], training=False):
        assert close(found["out"], x), "values"
        assert close(found["gradient"], slope, atol=1e-5), "gradient"
    # All of 90 values dropped, or none: less than once in 10^19.
    assert real(student.run(probes.dropped, x, [p])[0], x, p), "training"


@weight(2)
@hint("Multiply x itself by the mask: no .data, no detach, no NumPy, and one mask for both directions.")
def test_gradient(student, draw):
    """dropout is differentiable: where a value was kept the gradient is scaled as the value was,
    where it was dropped no gradient goes back."""
    x, slope = values(draw, 10, 9), values(draw, 10, 9)
    p = draw.uniform(0.3, 0.6)
    (found,) = student.run(probes.with_gradient, x, slope, [p])
    assert real(found["out"], x, p), "values"
    # Kept values are x / (1 - p), so the output itself tells the factor of each gradient.
    assert close(found["gradient"], slope * found["out"] / x, rtol=1e-4, atol=1e-5)


@weight(2)
@hint(
    "Draw from PyTorch's own generator and never seed it: whoever wants the same numbers again seeds outside."
)
def test_generator(student, draw):
    """The mask comes from PyTorch's global generator: torch.manual_seed before the call makes it
    repeatable, without a seed each call gives another mask, and dropout itself never seeds."""
    x, p = values(draw, 12, 11), draw.uniform(0.4, 0.6)
    seeds = draw.integers(1, 10**6, 2)
    again, other = seeds[0], seeds[1] + 10**6
    runs = student.run(probes.after_seeds, x, p, [again, again, other])
    assert all(real(out, x, p) for run in runs for out in run), "values"
    first, repeated, foreign = [[gone(out, x, p) for out in run] for run in runs]
    # Two masks of 132 values agree by chance less than once in 10^36.
    assert torch.equal(first[0], repeated[0]) and torch.equal(first[1], repeated[1]), "not repeatable"
    assert not torch.equal(first[0], first[1]), "two calls in a row"
    assert not torch.equal(first[0], foreign[0]), "two seeds"


@hint("Make a new tensor: no x *= mask. Ask for the mode first: in eval mode nothing is left to draw.")
def test_leaves_no_trace(student, draw):
    """x is left as it was; in training only PyTorch's random state moves on, in eval mode nothing does."""
    x, p = values(draw, 10, 9), draw.uniform(0.4, 0.6)
    out = student.dropout(x, p)
    assert set(student.changed) <= {"torch random state"}, student.changed
    assert real(out, x, p), "values"
    student.dropout(x, p, False)
    assert not student.changed, student.changed


@hint("A mask made like x (its shape, dtype and layout) fits whatever x is.")
def test_any_tensor(student, draw):
    """x may have any shape and layout in memory, and the result has its shape and dtype."""
    p = draw.uniform(0.4, 0.6)
    xs = [values(draw, *shape) for shape in [(), (90,), (2, 3, 4, 5)]]
    xs.append(values(draw, 9, 10, dtype=torch.float64))
    for i, out in enumerate(student.run(probes.laid_out, xs, p)):
        x = xs[i % len(xs)]
        assert is_tensor(out, tuple(x.shape), x.dtype), f"shape or dtype of {tuple(x.shape)}"
        assert gone(out, x, p) is not None, "values"
        assert x.dim() == 0 or real(out, x, p), "values"


@hint("Make the mask beside x: rand_like(x), or device=x.device.")
def test_device(student, draw, device):
    """The result lies on the device of x."""
    x, p = values(draw, 10, 9), draw.uniform(0.4, 0.6)
    found = student.run(probes.on_device, x, p, device)
    if found["limit"]:
        no_verdict("the pretended device came to its limit")
    assert found["error"] not in ("mixed", "numpy"), found["error"]
    if found["error"]:
        assert found["home"] is None, f"raises on the CPU too: {found['home']}"
        no_verdict(f"the other device answered {found['error']}")
    assert close(found["value"]["there"], True), "device"
    assert real(found["value"]["out"], x, p), "values"
