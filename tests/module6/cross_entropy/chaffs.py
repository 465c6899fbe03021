"""Wrong cross-entropies, each from a mistake that students make."""

import torch
import torch.nn.functional as F

from autograder.samples import replaces


@replaces("cross_entropy")
def exp_overflows(logits, targets):
    """The exponentials are taken of the logits as they come. exp(1000) is infinite, and infinity
    over infinity is not a number."""
    e = torch.exp(logits)
    p = e / e.sum(dim=1, keepdim=True)
    return -torch.log(p[torch.arange(len(targets), device=logits.device), targets]).mean()


@replaces("cross_entropy")
def log_of_a_rounded_softmax(logits, targets):
    """A stable softmax does not make its logarithm stable: a probability that has rounded to zero
    costs an infinite loss. Take log and softmax in one."""
    p = torch.softmax(logits, dim=1)
    return -torch.log(p[torch.arange(len(targets), device=logits.device), targets]).mean()


@replaces("cross_entropy")
def adds_an_epsilon(logits, targets):
    """A small number inside the logarithm keeps the loss finite but puts a lid on it: a sample that
    is far off costs 23 at most, and its gradient is gone."""
    p = torch.softmax(logits, dim=1)
    own = p[torch.arange(len(targets), device=logits.device), targets]
    return -torch.log(own + 1e-10).mean()


@replaces("cross_entropy")
def softmax_twice(logits, targets):
    """F.cross_entropy takes logits and applies a log-softmax of its own. Given probabilities, it
    sees only numbers from 0 to 1 and the loss can never come near zero."""
    return F.cross_entropy(torch.softmax(logits, dim=1), targets)


@replaces("cross_entropy")
def sums_over_samples(logits, targets):
    """The losses of the samples are added up and not averaged, so a larger batch has a larger loss
    and a larger gradient."""
    return F.nll_loss(F.log_softmax(logits, dim=1), targets, reduction="sum")


@replaces("cross_entropy")
def averages_over_classes_too(logits, targets):
    """The mean runs over all entries of the table, also over the zeros of the one-hot code, so the
    loss is too small by the number of classes."""
    one_hot = F.one_hot(targets, num_classes=logits.size(1))
    return -(one_hot * F.log_softmax(logits, dim=1)).mean()


@replaces("cross_entropy")
def softmax_over_samples(logits, targets):
    """The softmax runs down dimension 0, over the samples; the probabilities of one sample's
    classes, along dimension 1, are to add up to 1."""
    logp = F.log_softmax(logits, dim=0)
    return -logp[torch.arange(len(targets), device=logits.device), targets].mean()


@replaces("cross_entropy")
def columns_of_every_target(logits, targets):
    """[:, targets] picks for every row the classes of all samples, an N by N table. Each row should
    be paired with its own target only."""
    logp = F.log_softmax(logits, dim=1)
    return -logp[:, targets].mean()


@replaces("cross_entropy")
def no_graph(logits, targets):
    """The value is right, but it was computed without a graph, so there is nothing to send backward
    and no model could be trained with it."""
    with torch.no_grad():
        return F.cross_entropy(logits, targets)


# hard to catch
@replaces("cross_entropy")
def one_hot_of_the_classes_seen(logits, targets):
    """one_hot guesses the number of classes from the largest target in the batch. When the last
    class does not occur, its table is too narrow; the logits say how many classes there are."""
    one_hot = F.one_hot(targets).to(logits.dtype)
    return -(one_hot * F.log_softmax(logits, dim=1)).sum(dim=1).mean()


# hard to catch
@replaces("cross_entropy")
def one_maximum_for_all_rows(logits, targets):
    """One maximum is subtracted from the whole table. A row that lies far below it still rounds to
    zeros: each row needs its own."""
    z = logits - logits.max()
    logp = z - z.exp().sum(dim=1, keepdim=True).log()
    return -logp[torch.arange(len(targets), device=logits.device), targets].mean()


# hard to catch
@replaces("cross_entropy")
def shifts_in_place(logits, targets):
    """-= writes the shifted rows back into the caller's logits. Subtracting the maximum is right,
    but into a new tensor."""
    logits -= logits.detach().amax(dim=1, keepdim=True)
    own = logits[torch.arange(len(targets), device=logits.device), targets]
    return (logits.exp().sum(dim=1).log() - own).mean()


# hard to catch
@replaces("cross_entropy")
def infinity_behind_a_where(logits, targets):
    """torch.where picks a finite number for the loss, but on the way back the branch that was not
    taken counts too: zero times its infinite slope is not a number."""
    own = torch.softmax(logits, dim=1).gather(1, targets.unsqueeze(1)).squeeze(1)
    behind = logits.amax(dim=1) - logits.gather(1, targets.unsqueeze(1)).squeeze(1)
    return torch.where(own > 1e-30, -torch.log(own), behind).mean()


@replaces("cross_entropy")
def always_single_precision(logits, targets):
    """.float() turns the logits into single precision. Whoever hands in doubles, to check a gradient
    for example, gets back seven digits and not sixteen."""
    return F.cross_entropy(logits.float(), targets)


# hard to catch
@replaces("cross_entropy")
def shifts_the_data(logits, targets):
    """.data keeps autograd from complaining about the -=, but the shifted rows are written into the
    caller's logits all the same."""
    logits.data -= logits.data.amax(dim=1, keepdim=True)
    own = logits[torch.arange(len(targets), device=logits.device), targets]
    return (logits.exp().sum(dim=1).log() - own).mean()


# hard to catch
@replaces("cross_entropy")
def one_hot_on_the_cpu(logits, targets):
    """The one-hot table is made without saying where, so it lies on the CPU; logits on a GPU cannot
    be multiplied with it."""
    hot = torch.zeros(logits.shape, dtype=logits.dtype).scatter_(1, targets.unsqueeze(1), 1.0)
    return -(hot * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
