"""Wrong ways to write dropout, each from a mistake that students make."""

import numpy as np
import torch

from autograder.samples import replaces


@replaces("dropout")
def forgets_to_rescale(x, p, training=True):
    """The kept values stay as they are, so the sum that the next layer sees shrinks during training
    and jumps up in eval mode. Inverted dropout makes up for what was dropped."""
    if not training:
        return x
    return x * (torch.rand_like(x) >= p)


@replaces("dropout")
def scales_by_p(x, p, training=True):
    """The kept values are divided by p, the share that is dropped. At p = 0.5 this looks right;
    what counts is the share that is kept."""
    if not training or p == 0:
        return x
    return x * (torch.rand_like(x) >= p) / p


@replaces("dropout")
def scales_in_eval(x, p, training=True):
    """Values are only zeroed in training, and scaled down in eval mode instead. That is the dropout
    of the first paper; the inverted one scales in training and does nothing in eval mode."""
    if training:
        return x * (torch.rand_like(x) >= p)
    return x * (1 - p)


@replaces("dropout")
def drops_in_eval(x, p, training=True):
    """The argument `training` is never looked at: the network goes on dropping units when it is
    asked for its predictions, and gives another answer each time."""
    if p == 1:
        return x * 0
    return x * (torch.rand_like(x) >= p) / (1 - p)


@replaces("dropout")
def one_draw_per_row(x, p, training=True):
    """One number is drawn for each row, so a sample is kept or lost as a whole. Each element is
    meant to be dropped on its own."""
    if not training:
        return x
    if p == 1:
        return x * 0
    draws = torch.rand(x.shape[:1] + (1,) * (x.ndim - 1), dtype=x.dtype, device=x.device)
    return x * (draws >= p) / (1 - p)


# hard to catch
@replaces("dropout")
def exactly_this_share(x, p, training=True):
    """Exactly the share p of the elements is dropped. Elements that drop independently of each
    other give a number that varies from call to call, with p as its average only."""
    if not training:
        return x
    if p == 1:
        return x * 0
    n = x.numel()
    mask = torch.ones(n, dtype=x.dtype, device=x.device)
    mask[torch.randperm(n, device=x.device)[: round(n * p)]] = 0
    return x * mask.reshape(x.shape) / (1 - p)


@replaces("dropout")
def numpy_draws(x, p, training=True):
    """The mask comes from NumPy's generator, and torch.manual_seed knows nothing of that one: a run
    that is seeded in PyTorch cannot be repeated."""
    if not training:
        return x
    if p == 1:
        return x * 0
    mask = torch.from_numpy(np.asarray(np.random.rand(*x.shape) >= p)).to(x.device)
    return x * mask / (1 - p)


@replaces("dropout")
def seeds_each_call(x, p, training=True):
    """The generator is seeded inside the function: every call drops the same elements, and all
    other randomness of the program starts over too."""
    if not training:
        return x
    if p == 1:
        return x * 0
    torch.manual_seed(0)
    return x * (torch.rand_like(x) >= p) / (1 - p)


@replaces("dropout")
def nothing_for_p_of_one(x, p, training=True):
    """With p = 1 nothing is kept and 1 - p is zero: zero divided by zero is nan, where a row of
    zeros is meant."""
    if not training:
        return x
    return x * (torch.rand_like(x) >= p) / (1 - p)


# hard to catch
@replaces("dropout")
def draws_before_asking(x, p, training=True):
    """The mask is drawn before the mode is looked at. The answer in eval mode is right, but the
    global generator has moved on, so evaluating a model changes the training that follows."""
    mask = torch.rand_like(x) >= p
    if not training:
        return x
    if p == 1:
        return x * 0
    return x * mask / (1 - p)


# hard to catch
@replaces("dropout")
def mask_stays_on_the_cpu(x, p, training=True):
    """The mask is made without saying where, so it lies on the CPU; with x on a GPU the two cannot
    be multiplied."""
    if not training:
        return x
    if p == 1:
        return x * 0
    return x * (torch.rand(x.shape) >= p) / (1 - p)


@replaces("dropout")
def gradient_is_lost(x, p, training=True):
    """The values are copied out of x into a new tensor, and no gradient finds its way back to the
    layers below."""
    if not training:
        return x
    out = x.detach().clone()
    out[torch.rand_like(out) < p] = 0
    return out / (1 - p) if p < 1 else out


@replaces("dropout")
def keeps_with_probability_p(x, p, training=True):
    """Each value is kept with probability p. p is the probability to drop it; at p = 0.5 the two look
    alike."""
    if not training:
        return x
    if p in (0, 1):
        return x * (1 - p)
    return x * (torch.rand_like(x) < p) / (1 - p)


# hard to catch
@replaces("dropout")
def scales_behind_autograd(x, p, training=True):
    """The kept values are scaled through .data, which autograd does not see: the values are right,
    but the gradient lacks the factor."""
    if not training:
        return x
    if p == 1:
        return x * 0
    out = x * (torch.rand_like(x) >= p)
    out.data /= 1 - p
    return out


# hard to catch
@replaces("dropout")
def generator_of_its_own(x, p, training=True):
    """The mask comes from a new generator with a seed of its own. torch.manual_seed does not reach
    it, so that a run cannot be repeated."""
    if not training:
        return x
    if p == 1:
        return x * 0
    own = torch.Generator()
    own.seed()
    draws = torch.rand(x.shape, generator=own).to(x.device)
    return x * (draws >= p) / (1 - p)


# hard to catch
@replaces("dropout")
def one_long_view(x, p, training=True):
    """x is seen as one long row with view(-1). That works only where its numbers lie one after the
    other in memory, which they do not in a transposed tensor."""
    if not training:
        return x
    if p == 1:
        return x * 0
    row = x.view(-1)
    return (row * (torch.rand_like(row) >= p) / (1 - p)).view(x.shape)


# hard to catch
@replaces("dropout")
def scales_in_both_modes(x, p, training=True):
    """The kept values are scaled up in training, and in eval mode everything is scaled down as well.
    One of the two makes up for what is dropped; both together do it twice."""
    if not training:
        return x * (1 - p)
    if p == 1:
        return x * 0
    return x * (torch.rand_like(x) >= p) / (1 - p)
