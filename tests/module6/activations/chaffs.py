"""Wrong activation functions, each from a mistake that students make."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from autograder.samples import replaces


@replaces("relu")
def relu_leaks(x):
    """Below zero a ReLU is exactly 0; a small slope there makes it a leaky ReLU."""
    return torch.where(x > 0, x, 0.01 * x)


@replaces("relu")
def relu_in_place(x):
    """Writing into the tensor that was handed in changes it for the caller: make a new one."""
    x[x < 0] = 0
    return x


@replaces("relu")
def relu_through_numpy(x):
    """Values that went through NumPy have lost their graph, so no gradient can flow back."""
    return torch.tensor(np.maximum(x.detach().cpu().numpy(), 0), device=x.device)


@replaces("relu")
def relu_caps_at_a_hundred(x):
    """A ReLU does not stop growing; this one is cut off at 100."""
    return torch.clamp(x, 0, 100)


@replaces("relu")
def relu_python_max(x):
    """Python's max compares whole objects; a tensor has to be compared element by element."""
    return max(torch.zeros_like(x), x)


@replaces("relu")
def relu_drops_the_negatives(x):
    """Negative inputs become zeros; they are not taken out, the shape stays the same."""
    return x[x >= 0]


@replaces("relu")
def relu_always_float32(x):
    """The result has the dtype of the input; a double comes out as a float32 here."""
    return torch.clamp(x.float(), min=0)


@replaces("relu")
def relu_softplus(x):
    """Softplus is a smooth relative of the ReLU, but near zero it is something else."""
    return F.softplus(x)


@replaces("relu")
def relu_mask_in_the_wrong_place(x):
    """The mask alone is a step function: it forgets how large the input was."""
    return (x > 0).to(x.dtype)


@replaces("relu")
def relu_divides_zero_by_zero(x):
    """x / |x| is the sign of x, but at 0 it is 0 / 0, and that is NaN."""
    return x * (1 + x / x.abs()) / 2


@replaces("relu")
def relu_through_a_view(x):
    """view() wants the entries in one row in memory, and a transposed tensor is not laid out so."""
    return torch.clamp(x.view(-1), min=0).view(x.shape)


# hard to catch
@replaces("relu")
def relu_zeros_of_the_default_kind(x):
    """torch.zeros makes float32 on the CPU whatever the input is; half precision comes back as
    float32, and a tensor on a GPU fails.
    """
    return torch.maximum(x, torch.zeros(x.shape))


@replaces("sigmoid")
def sigmoid_textbook_formula(x):
    """The formula is right, but far below zero e^-x is infinite, and the gradient becomes NaN."""
    return 1 / (1 + torch.exp(-x))


@replaces("sigmoid")
def sigmoid_infinity_over_infinity(x):
    """For large inputs both parts of this fraction are infinite, and the result is NaN."""
    return torch.exp(x) / (1 + torch.exp(x))


@replaces("sigmoid")
def sigmoid_clamped_to_five(x):
    """Clamping is no cure for overflow when it is this tight: values and gradients are off."""
    return 1 / (1 + torch.exp(-torch.clamp(x, -5, 5)))


@replaces("sigmoid")
def sigmoid_straight_line(x):
    """A line cut off at 0 and 1 only resembles the sigmoid; the curve is smooth."""
    return torch.clamp(x / 6 + 0.5, 0, 1)


@replaces("sigmoid")
def sigmoid_one_by_one(x):
    """A tensor built from Python numbers has no graph and float32 as its dtype, and math.exp raises
    an error where it overflows.
    """
    flat = [1 / (1 + math.exp(-v)) for v in x.flatten().tolist()]
    return torch.tensor(flat, device=x.device).reshape(x.shape)


@replaces("sigmoid")
def sigmoid_without_gradient(x):
    """Under no_grad nothing is recorded, so nothing can be trained through this function."""
    with torch.no_grad():
        return torch.sigmoid(x)


@replaces("sigmoid")
def sigmoid_is_tanh(x):
    """tanh runs from -1 to 1; the sigmoid runs from 0 to 1 and is one half at 0."""
    return torch.tanh(x)


@replaces("sigmoid")
def sigmoid_sign_flipped(x):
    """The minus sign in the exponent is missing, so the curve falls where it should rise."""
    return torch.sigmoid(-x)


@replaces("sigmoid")
def sigmoid_nan_swept_away(x):
    """Replacing NaN afterwards hides it in the values; the gradients are NaN all the same, and
    where the sigmoid is 1 there is a 0 now.
    """
    return torch.nan_to_num(torch.exp(x) / (1 + torch.exp(x)), nan=0.0)


@replaces("sigmoid")
def sigmoid_row_by_row(x):
    """A loop over rows needs rows: an empty batch has none, and a single number cannot be looped over."""
    return torch.stack([torch.sigmoid(row) for row in x])


# hard to catch
@replaces("sigmoid")
def sigmoid_where_computes_both(x):
    """torch.where evaluates both branches: the one that is not chosen still overflows, and its
    gradient, 0 times infinity, is NaN.
    """
    return torch.where(x >= 0, 1 / (1 + torch.exp(-x)), torch.exp(x) / (1 + torch.exp(x)))


@replaces("softmax")
def softmax_without_shift(x, dim=-1):
    """e^1000 is infinite: without subtracting the largest entry first the result is NaN."""
    e = torch.exp(x)
    return e / e.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_ignores_dim(x, dim=-1):
    """The dimension to normalise over is an argument; here it is always the last one."""
    e = torch.exp(x - x.amax(dim=-1, keepdim=True))
    return e / e.sum(dim=-1, keepdim=True)


@replaces("softmax")
def softmax_dim_is_always_one(x, dim=-1):
    """Only for a matrix is dimension 1 the last one; vectors and other shapes differ."""
    return F.softmax(x, dim=1)


@replaces("softmax")
def softmax_default_is_one(x, dim=1):
    """Without a dim the last dimension is meant, and dimension 1 is the last of a matrix only."""
    return F.softmax(x, dim=dim)


@replaces("softmax")
def softmax_sums_everything(x, dim=-1):
    """Each row is a distribution of its own; here all entries together sum to 1."""
    e = torch.exp(x - x.max())
    return e / e.sum()


@replaces("softmax")
def softmax_without_keepdim(x, dim=-1):
    """Without keepdim the sums line up with the wrong dimension, unnoticed when sizes agree."""
    e = torch.exp(x - x.amax(dim=dim, keepdim=True))
    return e / e.sum(dim=dim)


@replaces("softmax")
def softmax_without_exponential(x, dim=-1):
    """Dividing by the sum alone is no softmax: negative inputs give negative probabilities."""
    return x / x.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_one_hot(x, dim=-1):
    """Softmax is soft: it shares the probability out and does not give all of it to the winner."""
    return torch.zeros_like(x).scatter(dim, x.argmax(dim=dim, keepdim=True), 1.0)


@replaces("softmax")
def softmax_logarithm(x, dim=-1):
    """These are log-probabilities; probabilities are asked for."""
    return F.log_softmax(x, dim=dim)


@replaces("softmax")
def softmax_divides_by_the_maximum(x, dim=-1):
    """Subtracting a constant leaves the softmax unchanged, dividing by one does not."""
    z = x / x.abs().amax(dim=dim, keepdim=True)
    return torch.softmax(z, dim=dim)


@replaces("softmax")
def softmax_shifted_by_the_mean(x, dim=-1):
    """After subtracting the mean the largest entry can still be too large for the exponential."""
    e = torch.exp(x - x.mean(dim=dim, keepdim=True))
    return e / e.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_clamped_first(x, dim=-1):
    """Clamping makes different large inputs equal; the shift by the maximum keeps them apart."""
    e = torch.exp(torch.clamp(x, -50, 50))
    return e / e.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_constant_denominator(x, dim=-1):
    """The sum depends on the inputs too: detaching it keeps the values but makes the gradient
    wrong.
    """
    e = torch.exp(x - x.detach().amax(dim=dim, keepdim=True))
    return e / e.sum(dim=dim, keepdim=True).detach()


@replaces("softmax")
def softmax_of_a_detached_copy(x, dim=-1):
    """detach() cuts the graph: the values are right, but nothing before the softmax can learn."""
    return F.softmax(x.detach(), dim=dim)


@replaces("softmax")
def softmax_in_float32(x, dim=-1):
    """The result has the dtype of the input, for doubles and for half precision alike."""
    return F.softmax(x, dim=dim, dtype=torch.float32)


@replaces("softmax")
def softmax_shifts_the_input_itself(x, dim=-1):
    """Going through .data silences the error about in-place changes, but the caller's tensor is
    changed all the same.
    """
    x.data -= x.data.amax(dim=dim, keepdim=True)
    e = torch.exp(x)
    return e / e.sum(dim=dim, keepdim=True)


# hard to catch
@replaces("softmax")
def softmax_one_maximum_for_all(x, dim=-1):
    """One maximum for the whole tensor is not enough: a row far below it becomes 0 / 0."""
    e = torch.exp(x - x.max())
    return e / e.sum(dim=dim, keepdim=True)
