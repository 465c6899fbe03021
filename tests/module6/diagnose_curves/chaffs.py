"""Wrong ways to read a pair of curves, each from a mistake that students make."""

import math

from autograder.samples import replaces


def _floats(losses):
    return [float(v) for v in losses]


def _finite(losses):
    return all(math.isfinite(v) for v in losses)


def _mean(losses):
    return sum(losses) / len(losses)


def _end(losses):
    return _mean(losses[-max(1, len(losses) // 10) :])


def _best(losses):
    return losses.index(min(losses))


@replaces("diagnose_curves")
def a_gap_is_overfitting(train_losses, val_losses):
    """Any gap between the two curves at the end is called overfitting. Some gap is normal; the sign
    of overfitting is a validation loss that rises again from its best."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    if _end(val) > 1.15 * _end(train):
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


@replaces("diagnose_curves")
def any_rise_is_overfitting(train_losses, val_losses):
    """A last validation loss above the lowest one is enough here to speak of overfitting. Curves
    wiggle: the rise has to be clear, and to last."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    if val[-1] > min(val) and train[-1] < train[_best(val)]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


@replaces("diagnose_curves")
def end_against_start(train_losses, val_losses):
    """The validation loss at the end is compared with the one at the start. A curve that fell deep
    and rose halfway back is overfitting too: compare with its best."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    if _end(val) > val[0] and _end(train) < train[0]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


@replaces("diagnose_curves")
def high_means_above_one_half(train_losses, val_losses):
    """A training loss above 0.5 is called high. What is high depends on the scale of the loss:
    compare with where the curve began."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.5 else "good"


@replaces("diagnose_curves")
def a_rise_by_one_tenth(train_losses, val_losses):
    """The validation loss counts as risen when it is 0.1 above its best. For small losses that
    never happens, for large ones always: the rise should be a share of the best."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > val[best] + 0.1 and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def only_training_can_diverge(train_losses, val_losses):
    """Only the training losses are checked for inf and nan, and a validation loss that is not
    finite slips through, since no comparison with nan is ever true."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not _finite(train) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def only_the_last_loss_is_checked(train_losses, val_losses):
    """Only the last losses are asked whether they are finite. One inf in the middle of a run is a
    divergence too, even when the numbers come back."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train[-1:]) and _finite(val[-1:])) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


@replaces("diagnose_curves")
def underfitting_asked_first(train_losses, val_losses):
    """The rule for underfitting is asked before the one for overfitting, so a net that learns
    little and still gets worse on new data gets the wrong name."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    if _end(train) > 0.7 * train[0]:
        return "underfitting"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "good"


@replaces("diagnose_curves")
def diverging_means_nan(train_losses, val_losses):
    """Only inf and nan count as diverging. A training loss that keeps growing is on its way there
    and needs the same cure."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)):
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def never_asks_whether_training_falls(train_losses, val_losses):
    """A rising validation loss is called overfitting whatever the training loss does. When both
    rise, the model is not fitting its training data too well: it is losing it."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


@replaces("diagnose_curves")
def any_fall_is_learning(train_losses, val_losses):
    """Underfitting is seen only where the training loss did not fall at all. A net that loses a
    twentieth of its loss in the whole run has not learned much either."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) >= train[0] else "good"


@replaces("diagnose_curves")
def validation_can_explode(train_losses, val_losses):
    """A validation loss that ends far above its start is called diverging. While the training loss
    falls nothing diverges: that is overfitting at its clearest."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)):
        return "diverging"
    if _mean(train[-3:]) > 1.5 * train[0] or _mean(val[-3:]) > 1.5 * val[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def rises_by_half(train_losses, val_losses):
    """Validation counts as risen only when it ends half as high again as its best. A rise by a third
    is a clear one already."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.5 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def three_times_the_first(train_losses, val_losses):
    """Training counts as diverging only from three times its first loss on. A run that ends at twice
    the loss that it began with is not a slow learner: it is on its way up."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 3 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def mean_of_the_whole_run(train_losses, val_losses):
    """Underfitting is told by the mean of all training losses. A run that fell late has a high mean
    and a low end, and it is the end that tells what was learned."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _mean(train) > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def last_loss_alone(train_losses, val_losses):
    """The last loss stands for the end of the run. Single epochs are noisy: the mean of the last
    tenth is what the rules ask for."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = _best(val)
    if best < 0.8 * len(val) and val[-1] > 1.15 * val[best] and train[-1] < train[best]:
        return "overfitting"
    return "underfitting" if train[-1] > 0.7 * train[0] else "good"


# hard to catch
@replaces("diagnose_curves")
def index_of_the_smallest(train_losses, val_losses):
    """The best epoch is asked for with .index(), which only lists have: with an array or a tensor of
    losses there is an error."""
    train, val = _floats(train_losses), _floats(val_losses)
    if not (_finite(train) and _finite(val)) or _mean(train[-3:]) > 1.5 * train[0]:
        return "diverging"
    best = val_losses.index(min(val_losses))
    if best < 0.8 * len(val) and _end(val) > 1.15 * val[best] and _end(train) < train[best]:
        return "overfitting"
    return "underfitting" if _end(train) > 0.7 * train[0] else "good"
