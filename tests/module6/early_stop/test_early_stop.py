"""Hidden grader: best and stop epoch of drawn loss curves, against the reference's.

All losses are whole multiples of a power of two, so that every way to write the comparison is exact.
What the contract leaves open is not asked: patience 0, no losses, and which epoch is the best where
none improves.
"""

import math

import numpy as np
import torch

from autograder.checks import close, describe, hint, named, sequence, weight, whole
from tests.module6.early_stop import probes

UNIT = 2.0**-5


def curve(draw, pattern, unit=UNIT, zero_at=None):
    """A curve by its pattern: - a new best, + no improvement, = as good as the best, n NaN, i infinity.

    Within a run of + the losses fall, but stay above the best. With zero_at the best of that epoch is 0.
    """
    best, run, losses = draw.integer(300, 400), 0, []
    for sign in pattern:
        run = run + 1 if sign == "+" else 0
        if sign == "-":
            best -= draw.integer(1, 9)
        above = {"+": 50 - 2 * run + draw.integer(0, 1), "n": math.nan, "i": math.inf}
        losses.append(best + above.get(sign, 0))
    shift = 0 if zero_at is None else losses[zero_at]
    return [(loss - shift) * unit for loss in losses]


def right(student, reference, losses, patience, *more):
    """Whether both epochs are the reference's."""
    return close(
        student.early_stop(losses, patience, *more), list(reference.early_stop(losses, patience, *more))
    )


@weight(4)
@hint(
    "Count epochs from 0; compare with the best so far, not with the epoch before; every improvement starts "
    "the count of bad epochs anew, and the epoch in which it reaches patience is the stop."
)
def test_stops(student, reference, draw):
    """The result is (best_epoch, stop_epoch), counted from 0: training stops AT the epoch that is the
    patience-th in a row without improvement on the best so far, and nothing after it counts."""
    for patience in (1, draw.integer(3, 6)):
        pattern = "-" * draw.integer(3, 7) + "+" * patience + "+-+--"
        assert right(student, reference, curve(draw, pattern), patience), f"patience {patience}"
    patience = draw.integer(3, 5)
    pauses = "".join("-" * draw.integer(1, 2) + "+" * (patience - 1) for _ in range(3))
    losses = curve(draw, pauses + "--" + "+" * patience + "--+")
    assert right(student, reference, losses, patience)


@hint("When the losses run out before patience does, the last epoch is the one where training stopped.")
def test_never_stops(student, reference, draw):
    """If patience never runs out, stop_epoch is the last epoch. The losses may stand in a list, an array
    or a tensor, which is left as it was."""
    patience = draw.integer(3, 5)
    body = "-" * draw.integer(3, 6)
    kinds = {body + "+" * (patience - 1): list, body: np.array, "-": torch.tensor}
    for pattern, kind in kinds.items():
        assert right(student, reference, kind(curve(draw, pattern)), patience), pattern
        assert not student.changed, student.changed


@weight(2)
@hint("The best loss changes only when an epoch counts as improved: small steps add up against it.")
def test_min_delta(student, reference, draw):
    """Only a loss more than min_delta below the best counts as an improvement, and only then there is a
    new best: several small steps together can be one, a single small step is none."""
    delta = 4 * UNIT * 2 ** draw.integer(0, 4)
    start = draw.integer(40, 60) * delta
    # Steps of 3/4 of min_delta: each second epoch is an improvement on the best, and none on the last.
    slow = [start - 0.75 * delta * i for i in range(draw.integer(8, 11))]
    tail = [slow[-1] + steps * delta for steps in (0.5, *draw.integers(1, 9, 5))]
    assert right(student, reference, slow + tail, len(slow) + len(tail), delta), "steps add up"
    # Steps of a quarter: patience is over before they have added up.
    fall = [start - 2 * delta * i for i in range(draw.integer(2, 5))]
    creep = [fall[-1] - 0.25 * delta * i for i in range(1, 12)]
    assert right(student, reference, fall + creep, draw.integer(2, 3), delta), "too slow"


@hint("Better means strictly smaller: look at what happens when the two sides are equal.")
def test_equal(student, reference, draw):
    """A loss that is exactly as good as it would have to beat is no improvement: the best one again, or
    the best less exactly min_delta."""
    patience = draw.integer(2, 4)
    losses = curve(draw, "-" * draw.integer(2, 4) + "=" * patience + "+-")
    assert right(student, reference, losses, patience), "the best again"
    delta = 4 * UNIT
    start = draw.integer(40, 60) * delta
    fall = [start - 2 * delta * i for i in range(draw.integer(2, 4))]
    losses = [*fall, *[fall[-1] - delta] * patience, fall[-1] - 3 * delta]
    assert right(student, reference, losses, patience, delta), "less exactly min_delta"


@hint(
    "Every comparison with NaN is False: ask whether a loss is better, not whether it is worse. "
    "No loss of any epoch is the best before the first improvement."
)
def test_not_finite(student, reference, draw):
    """NaN is never an improvement, infinity is none on a number; both are epochs like others, and a
    number after them can improve again. The first loss, or every loss, may be one of them."""
    for pattern in ("--nin-", "--n+i-", "n--+-", "i-+-"):
        patience = 4 if "nin" in pattern else 3
        assert right(student, reference, curve(draw, pattern), patience), pattern
    patience = draw.integer(3, 5)
    found = sequence(student.early_stop([math.nan] * (patience + 2), patience))
    assert found is not None and len(found) == 2 and whole(found[1]) == patience - 1, "nothing but NaN"


@hint("Begin with infinity as the best, not with a large number; 0 is a loss like others (no `if not best`).")
def test_any_size(student, reference, draw):
    """Losses may be of any size and sign: very large, exactly 0, negative."""
    patience = draw.integer(2, 3)
    pattern = "---" + "+" * patience + "-+"
    for unit, zero_at in ((2.0**60, None), (UNIT, 2), (UNIT, 0)):  # all positive, best 0, negative
        assert right(student, reference, curve(draw, pattern, unit, zero_at), patience), f"{unit}, {zero_at}"


@weight(2)
@hint(
    "Go through the losses one by one with a for loop, and leave it where training stops: no list(), no len()."
)
@describe(named(value="", reads="losses read:"))
def test_generator(student, reference, draw):
    """The losses may come from a generator, one at a time, and none is read after the stop."""
    patience = draw.integer(2, 4)
    for tail in ("+" * (patience - 1), "+" * patience + "+-+-+--"):
        losses = curve(draw, "-" * draw.integer(3, 6) + tail)
        got = student.run(probes.one_at_a_time, losses, patience)
        want = reference.run(probes.one_at_a_time, losses, patience)
        assert close(got["value"], list(want["value"])), "epochs"
        assert close(got["reads"], want["reads"]), "reads"
