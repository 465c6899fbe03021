"""Hidden grader: curves of 15 to 200 epochs, each with its one right word.

Every curve keeps clear of every threshold, however "the last tenth" is rounded and however "falling
since" is read. Each check holds curves of different words, so that no constant answer passes one.
"""

import math

import numpy as np
import torch

from autograder.checks import close, hint, weight


def scaled(draw, train, val):
    """The curves at a drawn scale, validation with 1% of noise and at a level of its own."""
    scale = 10 ** draw.uniform(-5, 5)
    level = scale * draw.uniform(0.8, 1.5)
    return [x * scale for x in train], [x * level * draw.uniform(0.99, 1.01) for x in val]


def fall(n, end, rate=3.5):
    """From 1 down towards `end`, always falling, fast at first."""
    return [end + (1 - end) * math.exp(-rate * k / (n - 1)) for k in range(n)]


def line(n, start, end):
    """A straight line."""
    return [start + (end - start) * k / (n - 1) for k in range(n)]


def turn(draw, n, rise):
    """Validation that falls to its best and then rises by the factor `rise`, steadily or at once."""
    best, low = int(n * draw.uniform(0.25, 0.5)), draw.uniform(0.4, 0.6)
    up = draw.choice([n - best, n - best, max(2, (n - best) // 3)])
    down = line(best + 1, 1.0, low)
    return down + [low * (1 + (rise - 1) * min(1.0, k / (up - 1))) for k in range(1, n - best)]


def good(draw, n):
    """Both fall, side by side."""
    end, rate = draw.uniform(0.1, 0.3), draw.uniform(3, 5)
    return scaled(draw, fall(n, end, rate), fall(n, end, rate))


def overfitting(draw, n):
    """Training falls all the time, validation falls and then rises."""
    train = fall(n, draw.uniform(0.0, 0.1), draw.uniform(2.5, 4))
    return scaled(draw, train, turn(draw, n, draw.uniform(1.9, 3)))


def underfitting(draw, n):
    """Both hardly fall."""
    end = draw.uniform(0.82, 0.95)
    return scaled(draw, line(n, 1, end), line(n, 1, end))


def diverging(draw, n):
    """Training grows; validation grows or does not."""
    top = draw.uniform(5, 30)
    train = [top ** (k / (n - 1)) for k in range(n)]
    return scaled(draw, train, draw.choice([train, fall(n, 0.3), turn(draw, n, 2)]))


def spoilt(draw, curves):
    """One loss of one of the curves is not finite."""
    curves[draw.integer(0, 1)][draw.integer(0, len(curves[0]) - 1)] = draw.choice([math.nan, math.inf])
    return curves


def epochs(draw, low=15):
    """A number of epochs, the short runs as often as the long ones."""
    return draw.choice([draw.integer(low, max(low, 40)), draw.integer(max(low, 40), 200)])


def right(student, draw, cases):
    """Whether each pair of curves gets its word, asked in a drawn order."""
    # All are asked, also after a wrong word: the more answers, the surer the misconception.
    return all([close(student.diagnose_curves(*curves), word) for word, curves in draw.shuffled(cases)])


@weight(2)
@hint(
    "Look for the best validation epoch, and at what both curves do after it; compare ratios, not differences."
)
def test_overfitting(student, draw):
    """Training that falls on while validation, past its best epoch, rises again, by a third or more, is
    overfitting; two curves that fall together are not. The scale of the losses does not matter."""
    cases = [("overfitting", overfitting(draw, n)) for n in (15, 200)]
    third = scaled(draw, fall(n := epochs(draw), 0.05), turn(draw, n, 1.36))
    deep = line((n := epochs(draw)) // 3, 1, 0.3)
    halfway = scaled(draw, fall(n, 0.05), deep + line(n - len(deep), 0.32, 0.7))
    cases += [("overfitting", third), ("overfitting", halfway), ("good", good(draw, epochs(draw)))]
    assert right(student, draw, cases)


@weight(2)
@hint(
    "Look at the mean of the last three training losses beside the first one, not at the largest loss on the way."
)
def test_diverging(student, draw):
    """Training whose last three losses are, in the mean, above one and a half times the first one
    diverges, twice is enough; a rise that is over by then does not matter."""
    cases = [("diverging", diverging(draw, n)) for n in (15, epochs(draw), 200)]
    # Twice the first loss, in a plateau.
    twice = line(n := epochs(draw), 1, 0.6)[: n // 2] + [draw.uniform(1.95, 2.2)] * (n - n // 2)
    cases.append(("diverging", scaled(draw, twice, line(n, 1, 0.6))))
    # A rise in the first half; a peak three, and four, losses before the end.
    hill = line(n // 2, 1, draw.uniform(6, 9)) + [draw.uniform(0.82, 0.95)] * (n - n // 2)
    cases.append(("underfitting", scaled(draw, hill, line(n, 1, 0.9))))
    for place, word in ((-3, "diverging"), (-4, "underfitting")):
        peak = line(n := draw.integer(15, 25), 1, 0.9)
        peak[place] = draw.uniform(8, 9)
        cases.append((word, scaled(draw, peak, line(n, 1, 0.9))))
    assert right(student, draw, cases)


@hint("Ask for NaN and infinity first, in both curves, at every epoch: comparisons with NaN are all False.")
def test_not_finite(student, draw):
    """A single loss that is not finite, in either curve and in any epoch, means diverging, whatever the
    curves look like otherwise."""
    cases = [
        ("diverging", spoilt(draw, kind(draw, epochs(draw)))) for kind in (good, overfitting, underfitting)
    ]
    train, val = good(draw, 30)
    val[draw.integer(3, 26)] = math.nan
    other, late = good(draw, 30)
    other[draw.integer(3, 26)] = math.inf
    cases += [("diverging", (train, val)), ("diverging", (other, late))]
    assert right(student, draw, [*cases, ("good", good(draw, epochs(draw)))])


@weight(2)
@hint(
    "Set the mean of the last tenth of the training losses beside the first training loss: a ratio, no fixed number."
)
def test_underfitting(student, draw):
    """Training that ends near its first loss is underfitting, at any scale; training that falls far
    below it, early or late, is not."""
    cases = [("underfitting", underfitting(draw, n)) for n in (15, epochs(draw), 200)]
    cases += [("good", good(draw, n)) for n in (15, epochs(draw))]
    n = epochs(draw)
    late = line(start := int(0.65 * n), 1, 0.96) + line(n - start, 0.9, 0.1)
    assert right(student, draw, [*cases, ("good", scaled(draw, late, late))])


@hint("Ask the questions in the order of the task, and stop at the first yes.")
def test_order(student, draw):
    """Where more than one word would fit, the first one counts: diverging before overfitting, overfitting
    before underfitting."""
    n = epochs(draw)
    slow = scaled(draw, line(n, 1, 0.8), turn(draw, n, draw.uniform(1.9, 2.3)))
    grows = scaled(draw, line(n, 1, draw.uniform(5, 8)), turn(draw, n, 2))
    cases = [("overfitting", slow), ("diverging", grows), ("underfitting", underfitting(draw, n))]
    assert right(student, draw, cases)


@hint(
    "Overfitting needs all three: an early best epoch, a clear rise of validation, and training that still falls."
)
def test_no_overfitting(student, draw):
    """A rise of validation is no overfitting if training rises as well, if it is a small one, or if the
    best epoch comes in the last fifth of the run."""
    n = epochs(draw, 40)
    both = scaled(draw, line(n, 1, 1.25), line(n, 1, draw.uniform(1.6, 2)))
    low, best = draw.uniform(0.2, 0.3), int(0.65 * n)
    small = scaled(draw, fall(n, 0.2), line(best + 1, 1, low) + [1.05 * low] * (n - best - 1))
    best = int(0.87 * n)
    late = scaled(draw, fall(n, 0.2), line(best + 1, 1, 0.5) + [draw.uniform(0.7, 0.9)] * (n - best - 1))
    cases = [("underfitting", both), ("good", small), ("good", late), ("overfitting", overfitting(draw, n))]
    assert right(student, draw, cases)


@hint(
    "Single epochs are noisy: take the mean of the last tenth (the last three for diverging), not the last loss."
)
def test_last_epoch(student, draw):
    """One odd loss, at the very end or right after the first, changes nothing: the first loss and the
    means over the last epochs decide."""
    n = draw.integer(150, 200)
    train, val = good(draw, n)
    train[-1], val[-1] = draw.uniform(1.7, 2.2) * train[0], 2.2 * min(val)
    rises, back = overfitting(draw, n), 1.06
    rises[1][-1] = back * min(rises[1])
    dips = good(draw, n)
    dips[0][1] = 0.03 * dips[0][0]
    assert right(student, draw, [("good", (train, val)), ("overfitting", rises), ("good", dips)])


@hint(
    "Make plain floats of both curves first, one by one: that reads lists, arrays and tensors alike, and copies them."
)
def test_any_container(student, draw):
    """The curves may come as lists, arrays or tensors, and are left as they were."""
    kinds = {"overfitting": overfitting, "underfitting": underfitting, "good": good, "diverging": diverging}
    holders = [
        np.array,
        torch.tensor,
        lambda x: np.array(x, dtype=np.float32),
        lambda x: torch.tensor(x).double(),
    ]
    for (word, kind), holder in zip(kinds.items(), draw.shuffled(holders), strict=True):
        train, val = kind(draw, epochs(draw))
        assert close(student.diagnose_curves(holder(train), holder(val)), word), word
        assert not student.changed, student.changed
