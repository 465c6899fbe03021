"""Wrong ways back through the 1-1-1 network, each from a mistake that students make."""

import math

import numpy as np
import torch

from autograder.samples import replaces


def _sigmoid(z):
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def _bce(z, y):
    return max(z, 0.0) - y * z + math.log1p(math.exp(-abs(z)))


@replaces("backprop")
def relu_slope_always_one(w1, b1, w2, b2, x, y):
    """The derivative of ReLU is taken as 1 everywhere. A hidden unit that is off lets nothing
    through, so its weight and bias get no gradient."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def no_relu(w1, b1, w2, b2, x, y):
    """The ReLU is missing on the way forward and on the way back. As long as z1 is positive nobody
    notices."""
    z1 = w1 * x + b1
    z2 = w2 * z1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * z1, "b2": d2}


@replaces("backprop")
def asks_the_wrong_neuron(w1, b1, w2, b2, x, y):
    """Whether the ReLU is on is asked of the output z2. It is the input of the ReLU itself, z1,
    that decides."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z2 > 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def dead_unit_stops_everything(w1, b1, w2, b2, x, y):
    """With a dead hidden unit all gradients are set to zero. The bias of the output does not pass
    through that unit, and goes on learning."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    if z1 <= 0:
        return {"loss": _bce(z2, y), "w1": 0.0, "b1": 0.0, "w2": 0.0, "b2": 0.0}
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def skips_the_sigmoid(w1, b1, w2, b2, x, y):
    """The derivative of the loss by the probability is passed on as if it were the one by z2. The
    sigmoid lies between them, and the chain rule wants its derivative too."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    p = _sigmoid(z2)
    d2 = -1 / p if y == 1 else 1 / (1 - p)
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def sign_turned_round(w1, b1, w2, b2, x, y):
    """Target minus prediction is the direction in which to go, not the gradient. The optimizer
    subtracts the gradient, so it has to be prediction minus target."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = y - _sigmoid(z2)
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def only_for_label_one(w1, b1, w2, b2, x, y):
    """These are the formulas of the example with the label 1. With the label 0 the other half of
    the cross-entropy counts, in the loss and in the gradient."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - 1
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": _bce(z2, 1), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def updates_on_the_way(w1, b1, w2, b2, x, y):
    """w2 takes its step before its old value has been used for the way back. First all gradients,
    then all steps."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    dw2 = d2 * h1
    w2 = w2 - 0.1 * dw2
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": dw2, "b2": d2}


@replaces("backprop")
def rounds_like_the_book(w1, b1, w2, b2, x, y):
    """The results are rounded to four decimals, as they are printed in the chapter. Round when you
    print, not when you compute: a small gradient becomes zero."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    out = {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}
    return {key: round(value, 4) for key, value in out.items()}


# hard to catch
@replaces("backprop")
def input_of_the_relu_for_w2(w1, b1, w2, b2, x, y):
    """The gradient of w2 is multiplied by z1. The number that w2 was multiplied by is the output of
    the ReLU, and that is not z1 when the unit is off."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * z1, "b2": d2}


# hard to catch
@replaces("backprop")
def single_precision(w1, b1, w2, b2, x, y):
    """torch.tensor makes single precision of Python floats, about seven digits. The numbers are
    doubles, and so should the results be."""
    w1, b1, w2, b2, x, y = (torch.tensor(float(v)) for v in (w1, b1, w2, b2, x, y))
    z1 = w1 * x + b1
    h1 = torch.relu(z1)
    z2 = w2 * h1 + b2
    d2 = torch.sigmoid(z2) - y
    d1 = d2 * w2 * (z1 > 0)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z2, y)
    return {"loss": loss, "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


# hard to catch
@replaces("backprop")
def epsilon_in_the_logarithm(w1, b1, w2, b2, x, y):
    """A small number is added inside the logarithm against log(0). When the network is sure and
    wrong, the probability is smaller still, and the loss comes out too low."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    p = _sigmoid(z2)
    loss = -(y * math.log(p + 1e-8) + (1 - y) * math.log(1 - p + 1e-8))
    d2 = p - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": loss, "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


# hard to catch
@replaces("backprop")
def slope_one_at_the_corner(w1, b1, w2, b2, x, y):
    """z1 >= 0 lets the gradient through where the input of the ReLU is exactly 0. There is no
    derivative at the corner; PyTorch, and we, take 0."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z1 >= 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


# hard to catch
@replaces("backprop")
def whole_numbers_without_gradients(w1, b1, w2, b2, x, y):
    """The numbers become tensors of the type that they happen to have. Whole numbers become tensors
    of whole numbers, and those have no gradients."""
    w1, b1, w2, b2 = (torch.from_numpy(np.array(v)).requires_grad_() for v in (w1, b1, w2, b2))
    z2 = w2 * torch.relu(w1 * x + b1) + b2
    target = torch.tensor(float(y), dtype=z2.dtype)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z2, target)
    loss.backward()
    found = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    return {"loss": loss.item()} | {key: value.grad.item() for key, value in found.items()}


# hard to catch
@replaces("backprop")
def results_in_one_tensor(w1, b1, w2, b2, x, y):
    """All is computed in doubles, but the results are put into one torch.tensor, which makes single
    precision of Python floats: nine of the sixteen digits are gone."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    found = torch.tensor([_bce(z2, y), d1 * x, d1, d2 * h1, d2])
    return dict(zip(("loss", "w1", "b1", "w2", "b2"), found, strict=True))


# hard to catch
@replaces("backprop")
def clips_the_probability(w1, b1, w2, b2, x, y):
    """The probability is kept a little away from 0 and 1 before the logarithm. That puts a lid on
    the loss of a network that is sure and wrong."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    p = _sigmoid(z2)
    clipped = min(max(p, 1e-7), 1 - 1e-7)
    loss = -math.log(clipped) if y else -math.log(1 - clipped)
    d2 = p - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": loss, "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


# hard to catch
@replaces("backprop")
def doubles_for_everyone(w1, b1, w2, b2, x, y):
    """torch.set_default_dtype makes doubles of these tensors, and of all that anybody makes from now
    on: it is a setting of the whole program. dtype=torch.float64 does it for one tensor."""
    torch.set_default_dtype(torch.float64)
    w1, b1, w2, b2 = (torch.tensor(float(v), requires_grad=True) for v in (w1, b1, w2, b2))
    z2 = w2 * torch.relu(w1 * x + b1) + b2
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z2, torch.tensor(float(y)))
    loss.backward()
    found = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    return {"loss": loss.item()} | {key: value.grad.item() for key, value in found.items()}


# hard to catch
@replaces("backprop")
def loss_of_a_plain_tensor(w1, b1, w2, b2, x, y):
    """The gradients are computed in Python floats, but for the loss z2 goes into torch.tensor, which
    makes single precision of it: only the first seven digits of the loss are right."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    logit, target = torch.tensor(float(z2)), torch.tensor(float(y))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, target).item()
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": loss, "w1": d1 * x, "b1": d1, "w2": d2 * h1, "b2": d2}


@replaces("backprop")
def slope_of_the_relu_for_w2(w1, b1, w2, b2, x, y):
    """The gradient of w2 is multiplied by the slope of the ReLU. That belongs to the way on to z1; w2
    was multiplied by the output h1, and h1 is its factor."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    slope = 1.0 if z1 > 0 else 0.0
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 * slope
    return {"loss": _bce(z2, y), "w1": d1 * x, "b1": d1, "w2": d2 * slope, "b2": d2}


@replaces("backprop")
def forgets_the_input(w1, b1, w2, b2, x, y):
    """w1 gets the gradient that has arrived at z1, as its bias does. But w1 is multiplied by the input
    x, and that is one more factor."""
    z1 = w1 * x + b1
    h1 = max(0.0, z1)
    z2 = w2 * h1 + b2
    d2 = _sigmoid(z2) - y
    d1 = d2 * w2 if z1 > 0 else 0.0
    return {"loss": _bce(z2, y), "w1": d1, "b1": d1, "w2": d2 * h1, "b2": d2}


# hard to catch
@replaces("backprop")
def gradients_of_plain_tensors(w1, b1, w2, b2, x, y):
    """The loss is computed in Python floats, but autograd finds the gradients, with tensors that
    torch.tensor made of Python numbers: in single precision, as no dtype was given."""
    loss = _bce(w2 * max(0.0, w1 * x + b1) + b2, y)
    w1, b1, w2, b2 = (torch.tensor(float(v), requires_grad=True) for v in (w1, b1, w2, b2))
    z2 = w2 * torch.relu(w1 * x + b1) + b2
    target = torch.tensor(float(y))
    torch.nn.functional.binary_cross_entropy_with_logits(z2, target).backward()
    found = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    return {"loss": loss} | {key: value.grad.item() for key, value in found.items()}
