"""Right ways to compute cross-entropy from logits, none of them the usual one."""

import functools

import torch
import torch.nn.functional as F

from autograder.samples import replaces


@replaces("cross_entropy")
def logsumexp_minus_gather(logits, targets):
    """The definition, with logsumexp and gather."""
    own = logits.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(logits, dim=1) - own).mean()


@replaces("cross_entropy")
def rows_in_a_loop(logits, targets):
    """Each row by itself, shifted by its largest logit; prints how many there were."""
    losses = []
    for i in range(logits.shape[0]):
        row = logits[i]
        row = row - row.max().detach()
        losses.append(row.exp().sum().log() - row[targets[i]])
    print("rows:", len(losses))
    return torch.stack(losses).mean()


@replaces("cross_entropy")
def folds_logaddexp(logits, targets):
    """The normalizer grows class by class with logaddexp; a one-hot mask picks the own logit."""
    total = functools.reduce(torch.logaddexp, logits.unbind(dim=1))
    mask = F.one_hot(targets, num_classes=logits.size(1)).to(logits.dtype)
    own = torch.einsum("nc,nc->n", logits, mask)
    return torch.sum(total - own) / len(targets)


@replaces("cross_entropy")
def margins_to_the_own_class(logits, targets):
    """Rows are shifted so that the own class has the logit 0; what is left is a logsumexp."""
    rows = torch.arange(targets.numel(), device=logits.device)
    margins = logits - logits[rows, targets].reshape(-1, 1)
    return margins.logsumexp(1).mean(0)


class _MeanNegativeLog(torch.autograd.Function):
    """Forward from log_softmax; backward is (softmax - one-hot) / N."""

    @staticmethod
    def forward(ctx, logits, targets):
        logp = logits.log_softmax(dim=1)
        ctx.save_for_backward(logp, targets)
        return -logp.gather(1, targets[:, None]).mean()

    @staticmethod
    def backward(ctx, upstream):
        logp, targets = ctx.saved_tensors
        grad = logp.exp()
        grad[torch.arange(len(targets), device=grad.device), targets] -= 1
        return upstream * grad / len(targets), None


@replaces("cross_entropy")
def own_backward(logits, targets):
    """An autograd function with a backward pass of its own."""
    return _MeanNegativeLog.apply(logits, targets)


@replaces("cross_entropy")
def library_sum_over_count(logits, targets):
    """The library's loss as a sum, divided by the number of samples."""
    n, _classes = logits.shape
    return torch.nn.CrossEntropyLoss(reduction="sum")(logits, targets).div(n)
