"""Wrong choices of an activation for a role, each from a mistake that students make."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.samples import replaces


@replaces("choose_activation")
def softmax_over_the_batch(role):
    """Dimension 0 is the batch: the classes of each sample lie along the last dimension."""
    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=0)
    raise ValueError(role)


@replaces("choose_activation")
def softmax_for_binary(role):
    """With one logit per sample a softmax has only the batch to normalise over; each sample needs
    a probability of its own.
    """
    if role == "hidden":
        return nn.ReLU()
    if role in ("binary_output", "multiclass_output"):
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def sigmoid_in_hidden_layers(role):
    """The sigmoid is flat on both sides, so its gradients vanish in deep networks."""
    if role in ("hidden", "binary_output"):
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def tanh_in_hidden_layers(role):
    """tanh is centred at zero but still flat on both sides: it saturates as the sigmoid does."""
    if role == "hidden":
        return nn.Tanh()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def nothing_in_hidden_layers(role):
    """Without a non-linearity between them linear layers collapse into a single one."""
    if role == "hidden":
        return nn.Identity()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def leak_of_one(role):
    """The leak is there to keep units alive, but with a slope of 1 on both sides nothing
    non-linear is left.
    """
    if role == "hidden":
        return nn.LeakyReLU(negative_slope=1.0)
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def relu_capped_at_six(role):
    """ReLU6 is flat above 6: for large inputs it saturates, and the gradient is 0 there."""
    if role == "hidden":
        return nn.ReLU6()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def log_probabilities(role):
    """LogSoftmax gives logarithms of probabilities: they are negative and do not sum to 1."""
    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.LogSoftmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def independent_sigmoids(role):
    """A sigmoid per class answers many yes/no questions; for exactly one class the probabilities
    must sum to 1.
    """
    if role == "hidden":
        return nn.ReLU()
    if role in ("binary_output", "multiclass_output"):
        return nn.Sigmoid()
    raise ValueError(role)


@replaces("choose_activation")
def logits_left_as_they_are(role):
    """The loss may want logits, but here the question is which activation gives probabilities."""
    if role == "hidden":
        return nn.ReLU()
    if role in ("binary_output", "multiclass_output"):
        return nn.Identity()
    raise ValueError(role)


@replaces("choose_activation")
def tanh_for_binary(role):
    """tanh runs from -1 to 1; a probability cannot be negative."""
    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Tanh()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def anything_else_is_multiclass(role):
    """An unknown role is an error that the caller should hear of, not a third case to guess."""
    if role == "hidden":
        return nn.ReLU()
    elif role == "binary_output":
        return nn.Sigmoid()
    else:
        return nn.Softmax(dim=-1)


@replaces("choose_activation")
def key_error_for_unknown_roles(role):
    """A missing key raises KeyError; a ValueError is asked for, and neither is a kind of the
    other.
    """
    modules = {
        "hidden": nn.ReLU(),
        "binary_output": nn.Sigmoid(),
        "multiclass_output": nn.Softmax(dim=-1),
    }
    return modules[role]


@replaces("choose_activation")
def error_returned_not_raised(role):
    """An exception that is returned is an ordinary value; it has to be raised."""
    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    return ValueError(f"unknown role {role}")


@replaces("choose_activation")
def classes_not_instances(role):
    """nn.ReLU is a class; a module to call comes from it only with the parentheses."""
    if role == "hidden":
        return nn.ReLU
    if role == "binary_output":
        return nn.Sigmoid
    if role == "multiclass_output":
        return nn.Softmax
    raise ValueError(role)


@replaces("choose_activation")
def functions_not_modules(role):
    """A function does the arithmetic but is no nn.Module: it cannot stand in nn.Sequential."""
    if role == "hidden":
        return F.relu
    if role == "binary_output":
        return torch.sigmoid
    if role == "multiclass_output":
        return lambda x: F.softmax(x, dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def sums_without_keepdim(role):
    """Without keepdim the row sums are laid along the columns: an error for most shapes, and a
    silent mistake when there are as many samples as classes.
    """

    class Softmax(nn.Module):
        def forward(self, x):
            e = torch.exp(x - x.max(dim=1, keepdim=True).values)
            return e / e.sum(dim=1)

    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return Softmax()
    raise ValueError(role)


@replaces("choose_activation")
def roles_in_any_spelling(role):
    """Being generous with capitals and spaces accepts roles that are none; any other role is a
    ValueError.
    """
    role = str(role).strip().lower()
    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def step_for_binary(role):
    """A step gives the answer, 0 or 1; a probability says how sure it is, and rises with the input
    little by little.
    """

    class Step(nn.Module):
        def forward(self, x):
            return (1 + torch.sign(x)) / 2

    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return Step()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def squeezes_the_binary_output(role):
    """squeeze() removes the dimension of the samples when there is only one, and a number is left
    where a tensor of shape (1,) is asked for.
    """

    class Probability(nn.Module):
        def forward(self, x):
            return torch.sigmoid(x.squeeze())

    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return Probability()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def squeezes_the_hidden_layer(role):
    """squeeze() removes every dimension of size 1: with one sample, or one hidden unit, the next layer
    gets a vector in place of a matrix.
    """

    class Bend(nn.Module):
        def forward(self, x):
            return torch.relu(x.squeeze())

    if role == "hidden":
        return Bend()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)


@replaces("choose_activation")
def relu_before_softmax(role):
    """The ReLU makes all negative logits 0, so the classes behind them get the same probability,
    however far apart they were; softmax takes logits of any sign.
    """
    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Sequential(nn.ReLU(), nn.Softmax(dim=-1))
    raise ValueError(role)


@replaces("choose_activation")
def short_names_too(role):
    """Short names for the roles are not agreed on: any role but the three, "binary" included, is a
    ValueError.
    """
    if role == "hidden":
        return nn.ReLU()
    if role in ("binary_output", "binary"):
        return nn.Sigmoid()
    if role in ("multiclass_output", "multiclass"):
        return nn.Softmax(dim=-1)
    raise ValueError(role)


# hard to catch
@replaces("choose_activation")
def squeezes_a_batch_of_one(role):
    """squeeze() also removes the batch dimension when there is a single sample, so its row is no
    row any more.
    """

    class Softmax(nn.Module):
        def forward(self, x):
            return torch.softmax(x.squeeze(), dim=-1)

    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return Softmax()
    raise ValueError(role)


# hard to catch
@replaces("choose_activation")
def softmax_that_overflows(role):
    """The exponential of a large pre-activation is infinite, and the row becomes NaN; subtract the
    largest entry first, or use the module that does.
    """

    class Softmax(nn.Module):
        def forward(self, x):
            return x.exp() / x.exp().sum(dim=-1, keepdim=True)

    if role == "hidden":
        return nn.ReLU()
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return Softmax()
    raise ValueError(role)


# hard to catch
@replaces("choose_activation")
def dropout_comes_along(role):
    """Dropout is a layer of its own: an activation gives the same output for the same input and
    uses no randomness.
    """
    if role == "hidden":
        return nn.Sequential(nn.ReLU(), nn.Dropout(0.2))
    if role == "binary_output":
        return nn.Sigmoid()
    if role == "multiclass_output":
        return nn.Softmax(dim=-1)
    raise ValueError(role)
