"""Hidden grader: the rules of classify_run at and around their borders, and the rate that follows.

Every check asks for several answers, so that no constant passes one.
"""

import math

from autograder.checks import close, hint, number, weight
from tests.module6.classify_run import probes


def run(first, last, between=()):
    return [first, *between, last]


def told(student, runs, form="list"):
    """Whether each of the (answer, losses) is answered right, the losses in this form."""
    got = student.run(probes.answers, [losses for _, losses in runs], form)
    return close(got, [answer for answer, _ in runs])


@weight(2)
@hint("Compare the last loss with the first: more than twice it, more than nine tenths of it, or less?")
def test_clear_cases(student, draw):
    """A run that ends far above its start has diverged, one that ends near it is too slow, one that
    ends well below it is converging, at any scale."""
    runs = []
    for low, high in ((-7, -5), (-1, 1), (3, 5)):
        scale = 10 ** draw.uniform(low, high)
        for answer, low, high in (("diverged", 3, 9), ("too_slow", 0.92, 1.8), ("converging", 0.1, 0.8)):
            runs.append((answer, run(scale, scale * draw.uniform(low, high), [scale])))
    assert told(student, draw.shuffled(runs))


@weight(2)
@hint("Look at every loss, with isfinite; a comparison with nan is always false.")
def test_not_finite(student, draw):
    """A single inf, nan or -inf, wherever it stands, means diverged."""
    runs = [("converging", run(1.0, draw.uniform(0.2, 0.5), [0.9, 0.8, 0.7])) for _ in range(3)]
    for bad in (math.inf, math.nan, -math.inf):
        for place in (0, 2, 4):
            losses = run(1.0, draw.uniform(0.2, 0.5), [0.9, 0.8, 0.7])
            losses[place] = bad
            runs.append(("diverged", losses))
    assert told(student, draw.shuffled(runs))


@weight(1.5)
@hint("Only the first and the last loss are compared: no minimum, no maximum, no neighbour, no mean.")
def test_first_and_last(student, draw):
    """What happens between the first and the last loss does not count, as long as it is finite."""
    high, low = draw.uniforms(30, 900, 4), draw.uniforms(0.01, 0.1, 4)
    runs = [
        ("converging", run(1.0, draw.uniform(0.2, 0.8), high)),
        ("converging", run(1.0, draw.uniform(0.2, 0.8), low)),
        ("too_slow", run(1.0, draw.uniform(0.92, 1.9), high)),
        ("too_slow", run(1.0, draw.uniform(0.92, 1.9), low)),
        ("diverged", run(1.0, draw.uniform(2.1, 9), high)),
        ("diverged", run(1.0, draw.uniform(2.1, 9), low)),
    ]
    assert told(student, draw.shuffled(runs))


@hint("More than twice the first: > and not >=, and neither 1.5 times nor ten times.")
def test_twice(student, draw):
    """Exactly twice the first loss has not diverged yet; a little more has."""
    first = draw.uniform(0.1, 50)
    factors = {2.0: "too_slow", 1.99: "too_slow", 2.01: "diverged"}
    runs = [(answer, run(first, factor * first, [first])) for factor, answer in factors.items()]
    assert told(student, draw.shuffled(runs))


@hint("More than nine tenths of the first: > and not >=. Compare with a product, not a difference.")
def test_nine_tenths(student, draw):
    """Exactly nine tenths of the first loss is converging; a little more is too slow."""
    # For 9 and 10 times a power of two the product and the quotient are exact enough in any precision.
    unit = 2.0 ** draw.integer(-6, 6)
    lasts = {9.0: "converging", 8.9: "converging", 9.1: "too_slow"}
    runs = [(answer, run(10 * unit, last * unit, [5 * unit])) for last, answer in lasts.items()]
    assert told(student, draw.shuffled(runs))


@hint("No quotients, since the first loss may be 0; and one loss is both the first and the last.")
def test_zeros_and_single_losses(student, draw):
    """The rules hold for losses of 0 and for a run of a single loss, too."""
    some = draw.uniform(0.1, 9)
    runs = [
        ("too_slow", [some]),
        ("converging", [0.0]),
        ("diverged", [math.nan]),
        ("converging", [0.0, some, 0.0]),
        ("diverged", [0.0, some]),
        ("converging", [some, 0.0]),
    ]
    assert told(student, draw.shuffled(runs))


@weight(2)
@hint("A truth value such as `not losses` or `x in losses` is not for arrays; float(x) works for all.")
def test_forms(student, draw):
    """The losses may come in an array or a tensor instead of a list, and stay as they are."""
    runs = [
        ("converging", run(1.0, draw.uniform(0.2, 0.5), [0.7])),
        ("too_slow", run(1.0, draw.uniform(0.95, 0.98), [0.99])),
        ("diverged", run(1.0, draw.uniform(30, 90), [12.0])),
        ("diverged", run(1.0, math.nan, [math.inf])),
    ]
    for form in ("array", "tensor"):
        assert told(student, runs, form), form
    for form, (answer, losses) in (
        ("list", runs[0]),
        ("list", runs[3]),
        ("array", runs[3]),
        ("tensor", runs[0]),
    ):
        assert close(student.classify_run(probes.FORMS[form](losses)), answer), form
        assert not student.changed, student.changed


def a_run(draw, low, high):
    first = 10 ** draw.uniform(-2, 2)
    return run(first, first * draw.uniform(low, high), [first])


@weight(2)
@hint("Diverged: divide by ten. Converging: hand back the rate that you were given.")
def test_rate_divided(student, draw):
    """After a run that diverged the next rate is a tenth; after one that converges it stays."""
    for lr in (10 ** draw.uniform(-6, -4), 0.3, 10 ** draw.uniform(0, 2)):
        runs = [a_run(draw, 15, 90), a_run(draw, 0.1, 0.4)]
        assert close(student.run(probes.rates, lr, runs), [lr / 10, lr], atol=0)


@weight(2)
@hint("Too slow: multiply, by 3 to 10. Converging: hand back the rate that you were given.")
def test_rate_multiplied(student, draw):
    """After a run that was too slow the next rate is 3 to 10 times this one; after one that
    converges it stays."""
    for lr in (10 ** draw.uniform(-4, -2), 10 ** draw.uniform(-1, 1)):
        runs = [a_run(draw, 0.95, 0.98), a_run(draw, 0.1, 0.4)]
        slow, same = student.run(probes.rates, lr, runs)
        assert close(same, lr, atol=0)
        found = number(slow)
        assert found is not None and 3 * lr * (1 - 1e-5) <= found <= 10 * lr * (1 + 1e-5)


@hint("Let next_learning_rate ask classify_run, so that both go by the same rules.")
def test_rate_after_any_run(student, draw):
    """The next rate follows from the same rules: a loss that is not finite counts wherever it
    stands, what else happens on the way does not, and the losses may be an array or a tensor."""
    lr = 10 ** draw.uniform(-3, 0)
    runs = [
        run(1.0, draw.uniform(0.2, 0.8), [math.nan, 0.7]),
        run(1.0, draw.uniform(0.2, 0.8), [60.0, 0.7]),
        run(1.0, draw.uniform(0.92, 1.8), [math.inf, 0.7]),
    ]
    for form in ("list", "array", "tensor"):
        assert close(student.run(probes.rates, lr, runs, form), [lr / 10, lr, lr / 10], atol=0)
