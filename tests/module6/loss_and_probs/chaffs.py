"""Wrong ways to get a loss and probabilities from logits, each from a mistake students make."""

import torch
import torch.nn.functional as F

from autograder.samples import replaces


@replaces("loss_and_probs")
def loss_from_probabilities(task, logits, targets):
    """The loss is taken from the probabilities: a sigmoid that has rounded to 0 or 1 has forgotten
    how wrong the logit was, so the loss stops growing and its gradient is gone."""
    if task == "binary":
        probs = torch.sigmoid(logits)
        return F.binary_cross_entropy(probs, targets.to(logits.dtype)), probs
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def adds_a_small_epsilon(task, logits, targets):
    """A small number inside the logarithm hides the infinity but caps the loss and bends the
    gradient; stability has to come from working with the logits."""
    if task == "binary":
        p = torch.sigmoid(logits)
        t = targets.to(logits.dtype)
        loss = -(t * torch.log(p + 1e-7) + (1 - t) * torch.log(1 - p + 1e-7)).mean()
        return loss, p
    p = torch.softmax(logits, dim=1)
    return -torch.log(p.gather(1, targets[:, None]) + 1e-7).mean(), p


@replaces("loss_and_probs")
def softmax_twice(task, logits, targets):
    """The cross-entropy function already applies softmax to what it is given; giving it
    probabilities applies softmax twice."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    probs = torch.softmax(logits, dim=1)
    return F.cross_entropy(probs, targets), probs


@replaces("loss_and_probs")
def adds_up_the_samples(task, logits, targets):
    """The loss is the mean over the samples; a sum grows with the batch."""
    if task == "binary":
        t = targets.to(logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, t, reduction="sum")
        return loss, torch.sigmoid(logits)
    return F.cross_entropy(logits, targets, reduction="sum"), torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def normalises_over_samples(task, logits, targets):
    """The probabilities of one sample must sum to 1 over its classes; here those of one class sum
    to 1 over the samples."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=0)


@replaces("loss_and_probs")
def mean_over_classes_too(task, logits, targets):
    """The one-hot product is averaged over all its entries, so the loss is too small by a factor of
    the number of classes; the mean goes over the samples only."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return -(hot * F.log_softmax(logits, dim=1)).mean(), torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def every_class_its_own_question(task, logits, targets):
    """In a multiclass problem the classes compete for one answer; a sigmoid for each class treats
    them as separate yes/no questions, and the probabilities no longer sum to 1."""
    if task == "multiclass":
        targets = F.one_hot(targets, logits.shape[1])
    loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
    return loss, torch.sigmoid(logits)


@replaces("loss_and_probs")
def decides_instead_of_probabilities(task, logits, targets):
    """Asked for are the probabilities, not the decisions made from them: rounding throws away how
    sure the model is."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, (torch.sigmoid(logits) > 0.5).to(logits.dtype)
    best = logits.argmax(dim=1)
    return F.cross_entropy(logits, targets), F.one_hot(best, logits.shape[1]).to(logits.dtype)


@replaces("loss_and_probs")
def returns_the_logits(task, logits, targets):
    """The loss function applies the sigmoid or softmax inside itself only; the logits outside are
    still scores, not probabilities."""
    if task == "binary":
        return F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype)), logits
    return F.cross_entropy(logits, targets), logits


@replaces("loss_and_probs")
def takes_float_targets_for_granted(task, logits, targets):
    """0/1 labels often arrive as integers; the binary loss needs them in the type of the logits."""
    if task == "binary":
        # an integer or boolean target is refused here
        return F.binary_cross_entropy_with_logits(logits, targets), torch.sigmoid(logits)
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def loss_is_a_python_float(task, logits, targets):
    """A Python float has no graph behind it: nothing can be trained with this loss."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss.item(), torch.sigmoid(logits)
    return F.cross_entropy(logits, targets).item(), torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def clips_the_logits(task, logits, targets):
    """Clipping the logits avoids the overflow, but a confidently wrong sample then costs too little
    and gets no gradient at all."""
    z = logits.clamp(-30, 30)
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(z, targets.to(z.dtype))
        return loss, torch.sigmoid(z)
    return F.cross_entropy(z, targets), torch.softmax(z, dim=1)


@replaces("loss_and_probs")
def plain_exponentials(task, logits, targets):
    """The formula of the book is right on paper, but the exponential of a large logit overflows; a
    constant may be taken off a row before."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    e = torch.exp(logits)
    probs = e / e.sum(dim=1, keepdim=True)
    return -torch.log(probs[torch.arange(len(e), device=e.device), targets]).mean(), probs


@replaces("loss_and_probs")
def softmax_by_hand(task, logits, targets):
    """The loss function is safe for large logits, but the softmax written out beside it is not: exp of
    a large logit is infinite, and infinity over infinity is not a number. torch.softmax is safe."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    e = torch.exp(logits)
    return F.cross_entropy(logits, targets), e / e.sum(dim=1, keepdim=True)


@replaces("loss_and_probs")
def sigmoid_by_hand(task, logits, targets):
    """The loss function is safe for large logits, but exp(z) / (1 + exp(z)) beside it is not: for a
    large z it is infinity over infinity, not a number. torch.sigmoid is safe."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        e = torch.exp(logits)
        return loss, e / (1 + e)
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def one_maximum_for_the_batch(task, logits, targets):
    """The largest logit of the whole batch is taken off every row; a row far below it underflows to
    zero, and the logarithm of zero is minus infinity. Each row needs its own maximum."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    z = logits - logits.max()
    log_total = torch.log(torch.exp(z).sum(dim=1))
    loss = (log_total - z.gather(1, targets[:, None]).squeeze(1)).mean()
    return loss, torch.softmax(logits, dim=1)


@replaces("loss_and_probs")
def every_class_weighs_the_same(task, logits, targets):
    """The losses are averaged within each class and then over the classes; the mean over the
    samples gives a rare class only the weight of its samples."""
    if task == "binary":
        t = targets.to(logits.dtype)
        losses = F.binary_cross_entropy_with_logits(logits, t, reduction="none")
        probs = torch.sigmoid(logits)
    else:
        losses = F.cross_entropy(logits, targets, reduction="none")
        probs = torch.softmax(logits, dim=1)
    means = [losses[targets == c].mean() for c in torch.unique(targets)]
    return torch.stack(means).mean(), probs


@replaces("loss_and_probs")
def squeezes_a_batch_of_one(task, logits, targets):
    """squeeze() drops every axis of length 1, also the batch axis when there is a single sample; the
    probabilities must keep the shape of the logits."""
    z = logits.squeeze()
    t = targets.squeeze()
    if task == "binary":
        return F.binary_cross_entropy_with_logits(z, t.to(z.dtype)), torch.sigmoid(z)
    return F.cross_entropy(z, t), torch.softmax(z, dim=-1)


@replaces("loss_and_probs")
def one_hot_made_on_the_cpu(task, logits, targets):
    """A new tensor is made on the default device; it has to be made where the logits are."""
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    hot = torch.eye(logits.shape[1], dtype=logits.dtype)[targets]
    return -(hot * torch.log_softmax(logits, 1)).sum(1).mean(), torch.softmax(logits, 1)


@replaces("loss_and_probs")
def always_float32(task, logits, targets):
    """Turning the logits into float32 throws away the digits that a caller with float64 asked for."""
    z = logits.float()
    if task == "binary":
        return F.binary_cross_entropy_with_logits(z, targets.float()), torch.sigmoid(z)
    return F.cross_entropy(z, targets), torch.softmax(z, dim=1)


# hard to catch
@replaces("loss_and_probs")
def sign_in_the_label_type(task, logits, targets):
    """The labels are turned into signs in their own number type; an unsigned type has no -1, so it
    wraps around to 255."""
    if task == "binary":
        if targets.dtype == torch.bool:
            targets = targets.long()
        return F.softplus((1 - 2 * targets) * logits).mean(), torch.sigmoid(logits)
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)


# hard to catch
@replaces("loss_and_probs")
def where_hides_an_overflow(task, logits, targets):
    """Both branches of a where are computed and both get a gradient: the overflow in the branch that
    is not used turns the gradient into nan, although the loss itself looks right."""
    if task == "binary":
        small = torch.log1p(torch.exp(logits))
        large = logits + torch.log1p(torch.exp(-logits))
        loss = (torch.where(logits > 0, large, small) - targets * logits).mean()
        return loss, torch.sigmoid(logits)
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)


# hard to catch
@replaces("loss_and_probs")
def relabels_the_caller(task, logits, targets):
    """The labels are rewritten to -1/+1 inside the caller's own tensor; the next use of that tensor
    sees the changed labels. Work on a copy."""
    if task == "binary":
        if targets.dtype in (torch.bool, torch.uint8):
            targets = targets.long()
        targets[targets == 0] = -1
        return F.softplus(-targets * logits).mean(), torch.sigmoid(logits)
    return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)
