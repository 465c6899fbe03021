"""Wrong ways to train with early stopping, each from a mistake that students make."""

import copy
import math

from autograder.samples import replaces


@replaces("fit_early_stopping")
def live_view(model, train_step, val_loss, max_epochs, patience):
    """state_dict() hands out the model's own tensors and no copies: training goes on changing them,
    and at the end the last weights are loaded into themselves."""
    best, best_epoch, bad, losses, state = math.inf, 0, 0, [], model.state_dict()
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = model.state_dict()
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


# hard to catch
@replaces("fit_early_stopping")
def parameters_only(model, train_step, val_loss, max_epochs, patience):
    """Only the parameters are kept. Buffers, such as the running mean and variance of batch norm,
    belong to the model of the best epoch just as well."""
    best, best_epoch, bad, losses, kept = math.inf, 0, 0, [], {}
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            kept = {name: p.detach().clone() for name, p in model.named_parameters()}
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(kept, strict=False)
    return {"best_epoch": best_epoch, "val_losses": losses}


# hard to catch
@replaces("fit_early_stopping")
def restores_only_when_stopped(model, train_step, val_loss, max_epochs, patience):
    """The best weights come back only where patience runs out. A run that reaches max_epochs keeps
    its last weights, although an earlier epoch may have been the best."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad >= patience:
                model.load_state_dict(state)
                break
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def trains_a_copy(model, train_step, val_loss, max_epochs, patience):
    """A copy of the model is trained and restored. Whoever called the function still holds the
    model that was passed in, and that one has learned nothing."""
    net = copy.deepcopy(model)
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(net.state_dict())
    for epoch in range(max_epochs):
        train_step(net)
        losses.append(val_loss(net))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(net.state_dict())
        else:
            bad += 1
            if bad >= patience:
                break
    net.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses, "model": net}


@replaces("fit_early_stopping")
def kept_before_the_step(model, train_step, val_loss, max_epochs, patience):
    """The weights are put aside before the training step, but the validation loss belongs to the
    weights after it: the model comes back one step short of its best epoch."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    best_state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        state = copy.deepcopy(model.state_dict())
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad, best_state = losses[-1], epoch, 0, state
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(best_state)
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def counter_never_reset(model, train_step, val_loss, max_epochs, patience):
    """The counter is never set back after an improvement, so bad epochs that lie far apart add up
    and the run stops too soon."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch = losses[-1], epoch
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def one_epoch_late(model, train_step, val_loss, max_epochs, patience):
    """The run goes on until there are more than `patience` bad epochs: one epoch of training too
    many."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad > patience:
                break
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def ties_move_the_best(model, train_step, val_loss, max_epochs, patience):
    """A loss that equals the best one counts as an improvement, so the best epoch wanders along a
    flat curve and patience never runs out."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] <= best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def nan_becomes_the_best(model, train_step, val_loss, max_epochs, patience):
    """What is not worse is taken for better. A NaN loss is never worse, so the broken weights of
    that epoch are the ones that are kept."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] >= best:
            bad += 1
            if bad >= patience:
                break
        else:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def goes_back_after_each_bad_epoch(model, train_step, val_loss, max_epochs, patience):
    """After each bad epoch the model is set back to the best weights at once, so it tries the same
    step again and never gets past a bump. The best weights belong to the end of the run."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            model.load_state_dict(state)
            bad += 1
            if bad >= patience:
                break
    return {"best_epoch": best_epoch, "val_losses": losses}


@replaces("fit_early_stopping")
def counts_epochs_from_one(model, train_step, val_loss, max_epochs, patience):
    """The best epoch is counted from one, so val_losses[best_epoch] is the loss of the epoch after
    it."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(1, max_epochs + 1):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


# hard to catch
@replaces("fit_early_stopping")
def validates_twice(model, train_step, val_loss, max_epochs, patience):
    """val_loss is called once for the comparison and once more for the list. A validation that
    draws its samples gives two different numbers, and the list no longer tells why it stopped."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        loss = val_loss(model)
        if loss < best:
            best, best_epoch, bad = loss, epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(state)
    return {"best_epoch": best_epoch, "val_losses": losses}


# hard to catch
@replaces("fit_early_stopping")
def assigns_new_tensors(model, train_step, val_loss, max_epochs, patience):
    """assign=True puts the copies in the place of the model's own parameters. The optimizer still
    holds the old ones, and whoever trains on trains tensors that are no longer in the model."""
    best, best_epoch, bad, losses = math.inf, 0, 0, []
    state = copy.deepcopy(model.state_dict())
    for epoch in range(max_epochs):
        train_step(model)
        losses.append(val_loss(model))
        if losses[-1] < best:
            best, best_epoch, bad = losses[-1], epoch, 0
            state = copy.deepcopy(model.state_dict())
        else:
            bad += 1
            if bad >= patience:
                break
    model.load_state_dict(state, assign=True)
    return {"best_epoch": best_epoch, "val_losses": losses}
