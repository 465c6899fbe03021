"""Wrong ways to find where to stop, each from a mistake that students make."""

import math

from autograder.samples import replaces


@replaces("early_stop")
def counter_never_reset(val_losses, patience, min_delta=0.0):
    """The counter of bad epochs is never set back, so bad epochs far apart add up. Patience counts
    epochs in a row: an improvement begins a new count."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def one_epoch_late(val_losses, patience, min_delta=0.0):
    """The run stops only when more than `patience` bad epochs have passed, one epoch too late."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad > patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def ties_improve(val_losses, patience, min_delta=0.0):
    """A loss that only equals the limit is taken for an improvement, so a flat curve never runs out
    of patience."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss <= best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def min_delta_ignored(val_losses, patience, min_delta=0.0):
    """min_delta is never used: any step down, however small, counts as an improvement."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def min_delta_added(val_losses, patience, min_delta=0.0):
    """min_delta is added where it should be taken away: a loss that got slightly worse passes for
    an improvement."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best + min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def nan_improves(val_losses, patience, min_delta=0.0):
    """Everything that is not worse counts as better. NaN is neither: every comparison with it is
    false, so here it becomes the best loss and nothing is ever worse again."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if epoch > 0 and loss >= best - min_delta:
            bad += 1
            if bad >= patience:
                break
        else:
            best, best_epoch, bad = loss, epoch, 0
    return best_epoch, epoch


@replaces("early_stop")
def reads_to_the_end(val_losses, patience, min_delta=0.0):
    """All losses are read into a list first. When each one costs an epoch of training, the epochs
    that early stopping should save have then been paid for."""
    losses = list(val_losses)
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(losses):
        if loss < best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def best_is_patience_before_the_end(val_losses, patience, min_delta=0.0):
    """The best epoch is worked out from the last one by going `patience` epochs back. That holds
    only when patience ran out, and not when the losses ended first."""
    best, bad, epoch = math.inf, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best - min_delta:
            best, bad = loss, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return max(epoch - patience, 0), epoch


@replaces("early_stop")
def compares_with_the_epoch_before(val_losses, patience, min_delta=0.0):
    """Each loss is compared with the one before it and not with the best so far, so a step down
    after a jump up passes for an improvement."""
    previous, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < previous - min_delta:
            best_epoch, bad = epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
        previous = loss
    return best_epoch, epoch


# hard to catch
@replaces("early_stop")
def best_follows_every_dip(val_losses, patience, min_delta=0.0):
    """Small steps down do not reset the patience, but they do lower the best loss. Many of them in
    a row then never add up to an improvement; the best stays until it is beaten by min_delta."""
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        improved = loss < best - min_delta
        if loss < best:
            best = loss
        if improved:
            best_epoch, bad = epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


# hard to catch
@replaces("early_stop")
def first_loss_is_the_start(val_losses, patience, min_delta=0.0):
    """The first loss is taken as the best without a look at it. When it is NaN, no later loss is
    smaller, and the run stops although it was getting better."""
    losses = iter(val_losses)
    best, best_epoch, bad, epoch = next(losses), 0, 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


# hard to catch
@replaces("early_stop")
def asks_for_one_loss_more(val_losses, patience, min_delta=0.0):
    """Whether to stop is decided at the top of the next round, when one loss more has been read: an
    epoch of training that was not needed. The two numbers are right."""
    best, best_epoch, bad, stop_epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if bad >= patience:
            break
        stop_epoch = epoch
        if loss < best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
    return best_epoch, stop_epoch


# hard to catch
@replaces("early_stop")
def asks_a_list_for_its_truth(val_losses, patience, min_delta=0.0):
    """`if not val_losses` asks whether a list is empty. An array or a tensor of several numbers has
    no single truth value and raises an error."""
    if not val_losses:
        return 0, 0
    best, best_epoch, bad, epoch = math.inf, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch


@replaces("early_stop")
def begins_at_a_million(val_losses, patience, min_delta=0.0):
    """The best loss begins as a number that looks large enough. A sum of squares can be larger: only
    infinity is above every loss."""
    best, best_epoch, bad, epoch = 1e6, 0, 0, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best - min_delta:
            best, best_epoch, bad = loss, epoch, 0
        else:
            bad += 1
            if bad >= patience:
                break
    return best_epoch, epoch
