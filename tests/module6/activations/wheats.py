"""Right but unusual activation functions."""

import sys
import warnings

import torch
import torch.nn.functional as F
from torch import nn

from autograder.samples import replaces


@replaces("relu")
def relu_times_mask(x):
    """The input times a mask of zeros and ones; negative inputs give -0.0."""
    return x * (x > 0)


@replaces("relu")
def relu_from_absolute_value(x):
    """Half of x plus half of |x|; the slope at 0 comes out as one half."""
    return 0.5 * x + 0.5 * x.abs()


@replaces("relu")
def relu_on_an_own_copy(x):
    """Writes zeros in place, but into a clone; autograd follows it."""
    y = x.clone()
    y[x < 0] = 0
    print("negative share:", (x < 0).float().mean(), file=sys.stderr)
    return y


@replaces("relu")
def relu_custom_autograd(x):
    """An autograd.Function with forward and backward written by hand."""

    class Gate(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x > 0, x, torch.zeros_like(x))

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * (x > 0).to(grad.dtype)

    return Gate.apply(x)


@replaces("relu")
def relu_as_leaky_module(x):
    """A leaky ReLU module whose leak is 0."""
    return nn.LeakyReLU(negative_slope=0.0)(x)


@replaces("relu")
def relu_maximum_with_scalar_tensor(x):
    """torch.maximum with a new zero on the same device; half the gradient at a tie."""
    return torch.maximum(x, x.new_zeros(()))


@replaces("sigmoid")
def sigmoid_from_tanh(x):
    """The identity sigmoid(x) = (1 + tanh(x/2)) / 2."""
    return 0.5 * (1 + torch.tanh(0.5 * x))


@replaces("sigmoid")
def sigmoid_from_logsigmoid(x):
    """The exponential of the stable log-sigmoid."""
    return F.logsigmoid(x).exp()


@replaces("sigmoid")
def sigmoid_two_safe_branches(x):
    """Both branches of torch.where see only -|x|, so neither can overflow, nor its gradient."""
    e = torch.exp(-torch.where(x >= 0, x, -x))
    return torch.where(x >= 0, 1 / (1 + e), e / (1 + e))


@replaces("sigmoid")
def sigmoid_as_a_softmax(x):
    """A softmax over two classes, one of which always has logit 0."""
    return torch.softmax(torch.stack((x, torch.zeros_like(x))), dim=0)[0]


@replaces("sigmoid")
def sigmoid_masked_in_halves(x):
    """Positive and negative inputs are handled apart and written into a new tensor."""
    flat = x.reshape(-1)
    out = torch.empty_like(flat)
    positive = flat >= 0
    out[positive] = 1 / (1 + torch.exp(-flat[positive]))
    e = torch.exp(flat[~positive])
    out[~positive] = e / (e + 1)
    return out.reshape(x.shape)


@replaces("softmax")
def softmax_from_log_softmax(x, dim=-1):
    """The exponential of the log-softmax, with a warning for the reader."""
    warnings.warn("log-softmax would do in the loss", stacklevel=2)
    return nn.LogSoftmax(dim=dim)(x).exp()


@replaces("softmax")
def softmax_shift_left_in_the_graph(logits, dim=-1):
    """The maximum is not detached; its gradient cancels. Renamed first argument."""
    e = (logits - logits.max(dim=dim, keepdim=True).values).exp()
    return e / e.sum(dim=dim, keepdim=True)


@replaces("softmax")
def softmax_slice_by_slice(x, dim=-1):
    """A Python loop over the slices along dim, stacked together at the end."""
    z = x if x.dim() else x.reshape(1)
    top = z.detach().amax(dim)
    parts = [torch.exp(part - top) for part in z.unbind(dim)]
    total = sum(parts[1:], parts[0])
    return torch.stack([part / total for part in parts], dim=dim).reshape(x.shape)


@replaces("softmax")
def softmax_axis_moved_to_the_end(x, dim=-1):
    """Moves dim to the end, normalises with einsum there, and moves it back."""
    if x.dim() == 0:
        return F.softmax(x, dim=dim)
    z = x.transpose(dim, -1)
    e = torch.exp(z - z.detach().max(dim=-1, keepdim=True)[0])
    p = torch.einsum("...c,...->...c", e, e.sum(-1).reciprocal())
    return p.transpose(-1, dim)


@replaces("softmax")
def softmax_recentred_logsumexp(x, dim=-1):
    """Shifts first and subtracts the log of the sum then; one exponential in the end."""
    with torch.no_grad():
        shift = torch.amax(x, dim=dim, keepdim=True)
    z = x - shift
    return torch.exp(z - torch.logsumexp(z, dim=dim, keepdim=True))
