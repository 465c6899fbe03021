"""Wrong ways to judge a run or to choose the next rate, each from a mistake that students make."""

import math

from autograder.samples import replaces


@replaces("classify_run")
def looks_at_the_last_only(losses):
    """Only the last loss is asked whether it is finite. One nan or inf on the way means that the
    run has diverged, whatever came after it."""
    first, last = losses[0], losses[-1]
    if not math.isfinite(last) or last > 2 * first:
        return "diverged"
    if last > 0.9 * first:
        return "too_slow"
    return "converging"


@replaces("classify_run")
def forgets_infinity(losses):
    """The losses are asked for nan only. An infinite loss is not finite either, also when a finite
    one follows."""
    first, last = losses[0], losses[-1]
    if any(math.isnan(loss) for loss in losses) or last > 2 * first:
        return "diverged"
    if last > 0.9 * first:
        return "too_slow"
    return "converging"


@replaces("classify_run")
def nan_equals_nothing(losses):
    """nan is looked for with ==, but nan is not equal to anything, itself included. The search
    never finds one, and all comparisons that follow come out false."""
    first, last = losses[0], losses[-1]
    if any(loss == math.nan or loss == math.inf for loss in losses) or last > 2 * first:
        return "diverged"
    if last > 0.9 * first:
        return "too_slow"
    return "converging"


@replaces("classify_run")
def reaching_is_enough(losses):
    """Exactly twice the first loss already counts as diverged, and exactly nine tenths as too slow.
    The rule says more than, so it takes > and not >=."""
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last >= 2 * first:
        return "diverged"
    if last >= 0.9 * first:
        return "too_slow"
    return "converging"


@replaces("classify_run")
def compares_with_the_best(losses):
    """The last loss is compared with the smallest one. The yardstick is the first loss, where the
    run began."""
    best, last = min(losses), losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last > 2 * best:
        return "diverged"
    if last > 0.9 * losses[0]:
        return "too_slow"
    return "converging"


@replaces("classify_run")
def a_spike_is_divergence(losses):
    """The largest loss decides, wherever it stands. A run may jump up once and recover; as long as
    all losses are finite, the last one counts."""
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or max(losses) > 2 * first:
        return "diverged"
    if last > 0.9 * first:
        return "too_slow"
    return "converging"


@replaces("classify_run")
def gain_in_absolute_numbers(losses):
    """The gain is compared with 0.1 and not with a tenth of the first loss. That is right only for
    runs that begin at 1; losses come at any scale."""
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last > 2 * first:
        return "diverged"
    if last > first - 0.1:
        return "too_slow"
    return "converging"


# hard to catch
@replaces("classify_run")
def lists_only(losses):
    """`if not losses` works for a list. An array or a tensor of several numbers has no single truth
    value and raises an error: ask for its length."""
    if not losses:
        return "too_slow"
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last > 2 * first:
        return "diverged"
    if last > 0.9 * first:
        return "too_slow"
    return "converging"


# hard to catch
@replaces("classify_run")
def writes_over_nan(losses):
    """Each nan is replaced by inf in the caller's own losses, to make comparing easier. The answer
    is right, but the record of the run has been changed."""
    for i in range(len(losses)):
        if math.isnan(losses[i]):
            losses[i] = math.inf
    first, last = losses[0], losses[-1]
    if max(losses) == math.inf or min(losses) == -math.inf or last > 2 * first:
        return "diverged"
    if last > 0.9 * first:
        return "too_slow"
    return "converging"


def _verdict(losses):
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last > 2 * first:
        return "diverged"
    return "too_slow" if last > 0.9 * first else "converging"


@replaces("next_learning_rate")
def only_doubles(lr, losses):
    """A rate that is too slow is only doubled. In the search for a rate one moves by factors, three
    at the least."""
    verdict = _verdict(losses)
    if verdict == "diverged":
        return lr / 10
    return 2 * lr if verdict == "too_slow" else lr


@replaces("next_learning_rate")
def rounds_the_rate(lr, losses):
    """The new rate is rounded to four decimals. Learning rates below 0.0001 are common, and
    rounding turns them into zero."""
    verdict = _verdict(losses)
    if verdict == "diverged":
        return round(lr / 10, 4)
    return round(5 * lr, 4) if verdict == "too_slow" else lr


# hard to catch
@replaces("next_learning_rate")
def never_above_a_tenth(lr, losses):
    """The new rate is never allowed above 0.1, a bound that nobody asked for. What is too large
    depends on the network; a run shows it by diverging."""
    verdict = _verdict(losses)
    if verdict == "diverged":
        return lr / 10
    return min(10 * lr, 0.1) if verdict == "too_slow" else lr


# hard to catch
@replaces("classify_run")
def a_little_tolerance(losses):
    """A small number is added to the limits, so that noise does not count. Losses come at any scale:
    where they are smaller than that number, no run ever diverges."""
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last > 2 * first + 1e-4:
        return "diverged"
    return "too_slow" if last > 0.9 * first + 1e-4 else "converging"


@replaces("classify_run")
def only_infinity_upwards(losses):
    """The losses are asked for nan and for inf. Minus infinity is not finite either, and isfinite
    asks for all three."""
    first, last = losses[0], losses[-1]
    if any(math.isnan(loss) or loss == math.inf for loss in losses) or last > 2 * first:
        return "diverged"
    return "too_slow" if last > 0.9 * first else "converging"


# hard to catch
@replaces("classify_run")
def twice_is_enough(losses):
    """Exactly twice the first loss already counts as diverged. The rule says more than twice."""
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses):
        return "diverged"
    if last > first:
        return "diverged" if last >= 2 * first else "too_slow"
    return "too_slow" if last > 0.9 * first else "converging"


# hard to catch
@replaces("classify_run")
def below_nine_tenths(losses):
    """Only a last loss below nine tenths of the first counts as converging. The rule calls a run too
    slow when it ends above them, so that exactly nine tenths are enough."""
    first, last = losses[0], losses[-1]
    if not all(math.isfinite(loss) for loss in losses) or last > 2 * first:
        return "diverged"
    return "converging" if last == 0 or last < 0.9 * first else "too_slow"


@replaces("classify_run")
def divides_by_the_first(losses):
    """The ratio of the last loss to the first is computed, and a first loss of 0 breaks it. Multiply
    the other side instead."""
    if not all(math.isfinite(loss) for loss in losses):
        return "diverged"
    ratio = losses[-1] / losses[0]
    if ratio > 2:
        return "diverged"
    return "too_slow" if ratio > 0.9 else "converging"


@replaces("next_learning_rate")
def never_below_a_floor(lr, losses):
    """The new rate is never allowed below 0.0001, a bound that nobody asked for. A run that diverged
    needs a smaller rate, however small this one was."""
    verdict = _verdict(losses)
    if verdict == "diverged":
        return max(lr / 10, 1e-4)
    return 5 * lr if verdict == "too_slow" else lr


@replaces("next_learning_rate")
def by_a_rule_of_its_own(lr, losses):
    """The run is judged here once more, by a shorter rule: only the last loss is asked whether it is
    finite. classify_run looks at all of them, and is there to be called."""
    first, last = losses[0], losses[-1]
    if not math.isfinite(last) or last > 2 * first:
        return lr / 10
    return 5 * lr if last > 0.9 * first else lr
