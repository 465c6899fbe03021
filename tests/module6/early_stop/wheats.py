"""Right ways to find where to stop, none of them the usual one."""

import math
import warnings
from collections import deque
from itertools import takewhile

import numpy as np

from autograder.samples import replaces


@replaces("early_stop")
def counts_down(val_losses, patience, min_delta=0.0):
    """Patience is used up and filled again; what is left at zero ends the run."""
    best, best_epoch, left, epoch = math.inf, 0, patience, 0
    for epoch, loss in enumerate(val_losses):
        if loss < best - min_delta:
            best, best_epoch, left = loss, epoch, patience
            continue
        left -= 1
        if not left:
            break
    return best_epoch, epoch


@replaces("early_stop")
def distance_to_the_best(val_losses, patience, min_delta=0.0):
    """No counter at all: the distance to the best epoch says how long nothing got better."""
    best_epoch, best, epoch = -1, float("inf"), -1
    for loss in val_losses:
        epoch += 1
        if float(loss) < best - min_delta:
            best_epoch, best = epoch, float(loss)
        if epoch - best_epoch >= patience:
            return max(best_epoch, 0), epoch
    warnings.warn("the losses ended before patience did", stacklevel=2)
    return max(best_epoch, 0), epoch


@replaces("early_stop")
def window_of_flags(val_losses, patience, min_delta=0.0):
    """The last `patience` epochs as flags in a window; a full window without a True ends it."""
    window = deque(maxlen=patience)
    best, best_epoch = np.inf, 0
    seen = []
    for loss in val_losses:
        improved = bool(loss < best - min_delta)
        if improved:
            best, best_epoch = float(loss), len(seen)
        seen.append(float(loss))
        window.append(improved)
        if len(window) == patience and not any(window):
            break
    return [best_epoch, len(seen) - 1]


@replaces("early_stop")
def iterator_by_hand(val_losses, patience, min_delta=0.0):
    """An iterator driven with next; NumPy numbers come back, NaN is asked about by name."""
    losses = iter(val_losses)
    best, best_epoch, epoch, waited = None, np.int64(0), np.int64(-1), 0
    while waited < patience:
        try:
            loss = float(next(losses))
        except StopIteration:
            break
        epoch = epoch + 1
        limit = math.inf if best is None else best - min_delta
        if math.isnan(loss) or not loss < limit:
            waited += 1
        else:
            best, best_epoch, waited = loss, epoch, 0
    return best_epoch, epoch


@replaces("early_stop")
def takes_while_it_goes_on(val_losses, patience, min_delta=0.0):
    """A closure judges each loss; takewhile reads up to the first that ends the patience."""
    state = {"best": math.inf, "at": 0, "bad": 0, "epoch": -1}

    def goes_on(loss):
        state["epoch"] += 1
        better = loss < state["best"] - min_delta
        if better:
            state.update(best=loss, at=state["epoch"], bad=0)
        else:
            state["bad"] += 1
        return state["bad"] < patience

    for loss in takewhile(goes_on, val_losses):
        print("epoch", state["epoch"], "loss", float(loss))
    return state["at"], state["epoch"]


def _states(losses, min_delta):
    best, best_epoch = math.inf, 0
    waited = 0
    for epoch, loss in enumerate(losses):
        if best - min_delta > loss:
            best, best_epoch, waited = loss, epoch, 0
        else:
            waited += 1
        yield best_epoch, epoch, waited


@replaces("early_stop")
def generator_of_states(val_losses, patience, min_delta=0.0):
    """A generator gives the state after each loss and is asked for no more than is needed."""
    state = (0, 0, 0)
    for state in _states(val_losses, min_delta):
        if state[2] == patience:
            break
    return state[:2]
