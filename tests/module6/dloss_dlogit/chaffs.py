"""Wrong derivatives by the logit, each from a mistake that students make."""

import torch
import torch.nn.functional as F

from autograder.samples import replaces


@replaces("dloss_dlogit")
def wrong_sign(logit, target, kind):
    """The error is taken as target minus prediction, which turns the sign of the gradient round: a
    step against it would make the prediction worse."""
    p = torch.sigmoid(torch.as_tensor(logit))
    if kind == "ce":
        return target - p
    return 2 * (target - p) * p * (1 - p)


@replaces("dloss_dlogit")
def by_the_probability(logit, target, kind):
    """This is the derivative with respect to the probability. The logit comes before the sigmoid,
    so the chain rule has one more factor."""
    p = torch.sigmoid(torch.as_tensor(logit))
    if kind == "ce":
        return -target / (p + 1e-10) + (1 - target) / (1 - p + 1e-10)
    return 2 * (p - target)


@replaces("dloss_dlogit")
def mse_without_the_sigmoid(logit, target, kind):
    """For the squared error the derivative of the sigmoid is left out. It cancels in cross-entropy
    only; in the squared error it stays, and makes the gradient vanish."""
    p = torch.sigmoid(torch.as_tensor(logit))
    if kind == "ce":
        return p - target
    return 2 * (p - target)


@replaces("dloss_dlogit")
def mse_without_the_two(logit, target, kind):
    """The square has the derivative 2 times its inside; the 2 belongs to a squared error that is
    not halved."""
    p = torch.sigmoid(torch.as_tensor(logit))
    if kind == "ce":
        return p - target
    return (p - target) * p * (1 - p)


@replaces("dloss_dlogit")
def ce_with_the_sigmoid_twice(logit, target, kind):
    """Prediction minus target already holds the derivative of the sigmoid, which has cancelled.
    Multiplied by it once more, cross-entropy vanishes where the model is sure and wrong."""
    p = torch.sigmoid(torch.as_tensor(logit))
    slope = p * (1 - p)
    if kind == "ce":
        return (p - target) * slope
    return 2 * (p - target) * slope


@replaces("dloss_dlogit")
def never_cancels(logit, target, kind):
    """The chain rule is left as a product of a fraction and p(1 - p). For a large logit p(1 - p)
    rounds to zero, and zero divided by zero is not a number: cancel on paper first."""
    p = torch.sigmoid(torch.as_tensor(logit))
    if kind == "ce":
        return (p - target) / (p * (1 - p)) * (p * (1 - p))
    return 2 * (p - target) * p * (1 - p)


@replaces("dloss_dlogit")
def loss_of_a_rounded_probability(logit, target, kind):
    """The loss is computed from the probability. For a large logit that has rounded to 0 or 1, and
    no gradient comes back through it just where the model is sure and wrong."""
    z = torch.as_tensor(logit).detach().clone().requires_grad_()
    p = torch.sigmoid(z)
    t = torch.as_tensor(target, dtype=z.dtype, device=z.device)
    if kind == "ce":
        loss = F.binary_cross_entropy(p, t, reduction="sum")
    else:
        loss = ((p - t) ** 2).sum()
    loss.backward()
    return z.grad


@replaces("dloss_dlogit")
def of_the_mean_loss(logit, target, kind):
    """This differentiates the mean loss, which divides each entry by the number of samples; the
    derivative of each sample's own loss is asked for."""
    z = torch.as_tensor(logit).detach().clone().requires_grad_()
    t = torch.as_tensor(target, dtype=z.dtype, device=z.device)
    if kind == "ce":
        F.binary_cross_entropy_with_logits(z, t).backward()
    else:
        F.mse_loss(torch.sigmoid(z), t).backward()
    return z.grad


@replaces("dloss_dlogit")
def labels_plus_minus_one(logit, target, kind):
    """This is the logistic loss for labels -1 and +1. The labels here are 0 and 1, and the formula
    gives a zero gradient to every sample of class 0."""
    z = torch.as_tensor(logit)
    p = torch.sigmoid(z)
    if kind == "ce":
        return -target * torch.sigmoid(-target * z)
    return 2 * (p - target) * p * (1 - p)


# hard to catch
@replaces("dloss_dlogit")
def exp_over_one_plus_exp(logit, target, kind):
    """exp(z) / (1 + exp(z)) is the sigmoid on paper. In single precision exp overflows from 89 on,
    and infinity over infinity is not a number."""
    e = torch.exp(torch.as_tensor(logit))
    p = e / (1 + e)
    if kind == "ce":
        return p - target
    return 2 * (p - target) * p * (1 - p)


# hard to catch
@replaces("dloss_dlogit")
def square_overflows(logit, target, kind):
    """The derivative of the sigmoid is written as exp(-z) / (1 + exp(-z))^2. For a very negative
    logit in single precision that is infinity over infinity."""
    z = torch.as_tensor(logit)
    p = torch.sigmoid(z)
    if kind == "ce":
        return p - target
    return 2 * (p - target) * torch.exp(-z) / (1 + torch.exp(-z)) ** 2


# hard to catch
@replaces("dloss_dlogit")
def sigmoid_in_place(logit, target, kind):
    """sigmoid_ with the underscore writes its result over the logits that were handed in, and the
    caller finds probabilities in their place."""
    p = torch.as_tensor(logit).detach().sigmoid_()
    if kind == "ce":
        return p - target
    return 2 * (p - target) * p * (1 - p)


@replaces("dloss_dlogit")
def sample_by_sample(logit, target, kind):
    """The function walks through the samples one by one. A single logit has no dimension to walk
    along; torch's operations work on every entry of any shape by themselves."""
    p = torch.stack([torch.sigmoid(z) for z in logit])
    if kind == "ce":
        return p - target
    return 2 * (p - target) * p * (1 - p)


@replaces("dloss_dlogit")
def always_single_precision(logit, target, kind):
    """.float() turns everything into single precision. Whoever hands in doubles, to check a
    gradient for example, gets back seven digits and not sixteen."""
    p = torch.sigmoid(logit.float())
    if kind == "ce":
        return p - target.float()
    return 2 * (p - target.float()) * p * (1 - p)


@replaces("dloss_dlogit")
def by_way_of_numpy(logit, target, kind):
    """The formula is computed in NumPy, which knows nothing of GPUs: a tensor that lies on one
    cannot be turned into an array. PyTorch has all the functions that this takes."""
    z, t = logit.detach().numpy(), target.detach().numpy()
    p = torch.sigmoid(torch.tensor(z)).numpy()
    slope = p - t if kind == "ce" else 2 * (p - t) * p * (1 - p)
    return torch.tensor(slope)
