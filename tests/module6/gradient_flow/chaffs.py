"""Wrong ways to follow a gradient through layers, each from a mistake that students make."""

import math

import numpy as np
import torch

from autograder.samples import replaces


def _sigmoid(z):
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    return math.exp(z) / (1.0 + math.exp(z))


def _derivative(activation, z):
    if activation == "sigmoid":
        return _sigmoid(z) * (1.0 - _sigmoid(z))
    return 1.0 if z > 0 else 0.0


@replaces("gradient_flow")
def starts_after_the_first_layer(activation, z, n_layers):
    """The gradient before any layer, 1, belongs in the list too: it has n_layers + 1 entries."""
    d = _derivative(activation, z)
    return [d**k for k in range(1, n_layers + 1)]


@replaces("gradient_flow")
def stops_one_layer_early(activation, z, n_layers):
    """With entry 0 in the list, n layers make n + 1 entries; the last layer is missing here."""
    d = _derivative(activation, z)
    return [d**k for k in range(n_layers)]


@replaces("gradient_flow")
def activation_instead_of_derivative(activation, z, n_layers):
    """The chain rule multiplies by the DERIVATIVE of the activation, not by its value."""
    factor = _sigmoid(z) if activation == "sigmoid" else float(max(0.0, z))
    return [factor**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def z_taken_for_the_output(activation, z, n_layers):
    """s(1 - s) wants the sigmoid's output s; z is what goes INTO the sigmoid."""
    d = z * (1 - z) if activation == "sigmoid" else float(z > 0)
    return [float(d) ** k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def always_a_quarter(activation, z, n_layers):
    """One quarter is the sigmoid's largest slope, at z = 0; elsewhere it is smaller."""
    d = 0.25 if activation == "sigmoid" else float(z > 0)
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def relu_always_passes(activation, z, n_layers):
    """A ReLU passes the gradient only where its input is positive; below zero it blocks it."""
    d = _derivative("sigmoid", z) if activation == "sigmoid" else 1.0
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def relu_leaks(activation, z, n_layers):
    """Below zero the ReLU's slope is 0; a small slope there makes it a leaky ReLU."""
    d = _derivative("sigmoid", z) if activation == "sigmoid" else (1.0 if z > 0 else 0.01)
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def relu_passes_z(activation, z, n_layers):
    """For positive inputs the ReLU's slope is 1; here it is the input itself."""
    d = _derivative("sigmoid", z) if activation == "sigmoid" else max(0.0, float(z))
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def negative_stops_the_sigmoid_too(activation, z, n_layers):
    """That a negative z stops the gradient is the rule of the ReLU. The sigmoid has the same slope at
    -z as at z and lets a part of the gradient through."""
    d = _derivative(activation, z) if z >= 0 else 0.0
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def derivative_of_tanh(activation, z, n_layers):
    """1 - a^2 is the derivative of tanh; the sigmoid's is a(1 - a)."""
    d = 1.0 - _sigmoid(z) ** 2 if activation == "sigmoid" else float(z > 0)
    return [d**k for k in range(n_layers + 1)]


@replaces("gradient_flow")
def feeds_the_output_forward(activation, z, n_layers):
    """Every layer has the same pre-activation z here; only the gradient moves on from layer to
    layer.
    """
    grads = [1.0]
    for _ in range(n_layers):
        grads.append(grads[-1] * _derivative(activation, z))
        z = _sigmoid(z) if activation == "sigmoid" else max(0.0, z)
    return grads


@replaces("gradient_flow")
def adds_the_layers_up(activation, z, n_layers):
    """Along a chain the derivatives multiply; they are added up here."""
    d = _derivative(activation, z)
    return [1.0] + [d * k for k in range(1, n_layers + 1)]


@replaces("gradient_flow")
def last_layer_first(activation, z, n_layers):
    """The list starts with the gradient after 0 layers; this one runs the other way."""
    d = _derivative(activation, z)
    return [d**k for k in range(n_layers, -1, -1)]


@replaces("gradient_flow")
def only_the_last_gradient(activation, z, n_layers):
    """Asked for is the gradient after every number of layers, not only after the last."""
    return _derivative(activation, z) ** n_layers


@replaces("gradient_flow")
def rounds_to_six_places(activation, z, n_layers):
    """Rounding makes small gradients zero, and how small they get is the very point."""
    d = _derivative(activation, z)
    return [round(d**k, 6) for k in range(n_layers + 1)]


@replaces("gradient_flow")
def underflows_in_float32(activation, z, n_layers):
    """PyTorch's default is float32, which ends near 1e-45: a deep chain comes out as exactly 0."""
    x = torch.tensor(float(z))
    d = torch.sigmoid(x) * (1 - torch.sigmoid(x)) if activation == "sigmoid" else (x > 0).float()
    grads = [torch.tensor(1.0)]
    for _ in range(n_layers):
        grads.append(grads[-1] * d)
    return [g.item() for g in grads]


@replaces("gradient_flow")
def at_least_one_layer(activation, z, n_layers):
    """With no layer at all the gradient arrives unchanged and alone: the list is just [1.0]."""
    d = _derivative(activation, z)
    grads = [1.0, d]
    for _ in range(n_layers - 1):
        grads.append(grads[-1] * d)
    return grads


@replaces("gradient_flow")
def double_for_everyone(activation, z, n_layers):
    """set_default_dtype gives double precision here, and to every tensor that anyone makes later on."""
    torch.set_default_dtype(torch.float64)
    x = torch.tensor(float(z))
    s = torch.sigmoid(x)
    d = s * (1 - s) if activation == "sigmoid" else (x > 0).double()
    return [(d**k).item() for k in range(n_layers + 1)]


# hard to catch
@replaces("gradient_flow")
def derivative_in_float32(activation, z, n_layers):
    """The products are doubles, but the derivative itself was found in float32: only seven digits
    are right, and fewer after many layers.
    """
    s = torch.sigmoid(torch.tensor(float(z))).item()
    d = s * (1 - s) if activation == "sigmoid" else float(z > 0)
    return [d**k for k in range(n_layers + 1)]


# hard to catch
@replaces("gradient_flow")
def overflows_far_from_zero(activation, z, n_layers):
    """e^x is too large for a double when x is about 710 or more, so this derivative fails for large
    inputs, where it should be 0.
    """
    d = np.exp(z) / (1 + np.exp(z)) ** 2 if activation == "sigmoid" else np.float64(z > 0)
    return [float(d**k) for k in range(n_layers + 1)]


# hard to catch
@replaces("gradient_flow")
def list_lives_on(activation, z, n_layers, grads=[1.0]):  # noqa: B006
    """A list as a default argument is made once: later calls meet the old gradients in it."""
    d = _derivative(activation, z)
    while len(grads) < n_layers + 1:
        grads.append(grads[-1] * d)
    return grads[: n_layers + 1]
