"""Wrong ways to collapse a stack of affine layers, each from a mistake that students make."""

import numpy as np
import torch

from autograder.samples import replaces


@replaces("collapse_linear")
def drops_the_biases(layers):
    """A stack of affine layers is affine, not linear: the biases leave a bias behind, which is zero
    here."""
    W = layers[0][0]
    for V, _ in layers[1:]:
        W = V @ W
    return W, torch.zeros_like(layers[-1][1])


@replaces("collapse_linear")
def keeps_the_last_bias(layers):
    """Only the last bias survives here; the earlier ones reach the output too, through the weights
    after them."""
    W = layers[0][0]
    for V, _ in layers[1:]:
        W = V @ W
    return W, layers[-1][1].clone()


@replaces("collapse_linear")
def adds_up_the_biases(layers):
    """Every later layer also transforms the biases before it; they cannot simply be added."""
    W, b = layers[0]
    for V, c in layers[1:]:
        W = V @ W
        b = b + c
    return W, b


@replaces("collapse_linear")
def multiplies_in_reading_order(layers):
    """The first layer acts first, so its matrix stands on the right of the product; here it stands on
    the left."""
    W, b = layers[0]
    for V, c in layers[1:]:
        W = W @ V
        b = V @ b + c
    return W, b


@replaces("collapse_linear")
def stops_after_two(layers):
    """The stack may hold any number of layers; only the first two are used here."""
    W, b = layers[0]
    if len(layers) > 1:
        V, c = layers[1]
        W, b = V @ W, V @ b + c
    return W, b


@replaces("collapse_linear")
def needs_two_layers(layers):
    """A stack of one layer is a stack too, and is its own answer; this asks for a second layer."""
    (W, b), (V, c) = layers[0], layers[1]
    W, b = V @ W, V @ b + c
    for V, c in layers[2:]:
        W, b = V @ W, V @ b + c
    return W, b


@replaces("collapse_linear")
def bias_before_the_weights(layers):
    """A layer multiplies first and then adds its bias; here its bias is added first and multiplied
    with the rest."""
    W, b = layers[0]
    for V, c in layers[1:]:
        W = V @ W
        b = V @ (b + c)
    return W, b


@replaces("collapse_linear")
def bias_through_one_layer_only(layers):
    """Each bias passes through all the layers after its own; here only through the next one, which is
    enough for two layers and no more."""
    W, b = layers[0][0], layers[-1][1]
    for i in range(len(layers) - 1):
        V = layers[i + 1][0]
        W = V @ W
        b = b + V @ layers[i][1]
    return W, b


@replaces("collapse_linear")
def first_bias_forgotten(layers):
    """The first layer has a bias as well; here the sum starts from zero after it."""
    W, b = layers[0]
    b = torch.zeros_like(b)
    for V, c in layers[1:]:
        W = V @ W
        b = V @ b + c
    return W, b


@replaces("collapse_linear")
def weights_transposed(layers):
    """A weight has the shape (out, in) and is applied as W x; the answer has the shape (in, out)."""
    W, b = layers[0]
    W = W.T
    for V, c in layers[1:]:
        W = W @ V.T
        b = b @ V.T + c
    return W, b


@replaces("collapse_linear")
def bias_as_a_column(layers):
    """The bias was made a column for the product and never made a vector again; added to a batch of
    outputs it would spread over the wrong axis."""
    W, b = layers[0][0], layers[0][1].reshape(-1, 1)
    for V, c in layers[1:]:
        W = V @ W
        b = V @ b + c.reshape(-1, 1)
    return W, b


@replaces("collapse_linear")
def relu_in_between(layers):
    """With a ReLU between the layers the stack is no longer affine; the layers here have none."""
    first = layers[0][0]
    eye = torch.eye(first.shape[1], dtype=first.dtype, device=first.device)
    probes = torch.cat([torch.zeros_like(eye[:1]), eye])
    for i, (W, b) in enumerate(layers):
        probes = probes @ W.T + b
        if i < len(layers) - 1:
            probes = torch.relu(probes)
    return (probes[1:] - probes[0]).T, probes[0]


@replaces("collapse_linear")
def takes_one_bias_off(layers):
    """The map is read off at the unit vectors, where its answers are a column of W plus the whole bias;
    only the last layer's own bias is taken off again."""
    first = layers[0][0]
    eye = torch.eye(first.shape[1], dtype=first.dtype, device=first.device)
    answers = torch.cat([torch.zeros_like(eye[:1]), eye])
    for W, b in layers:
        answers = answers @ W.T + b
    return (answers[1:] - layers[-1][1]).T, answers[0]


@replaces("collapse_linear")
def starts_from_a_numpy_identity(layers):
    """The identity to start from comes from NumPy and is float64; torch's layers are float32 by default
    and do not multiply with it."""
    first = layers[0][0]
    W = torch.from_numpy(np.eye(first.shape[1])).to(first.device)
    b = torch.from_numpy(np.zeros(first.shape[1])).to(first.device)
    for V, c in layers:
        W = V @ W
        b = V @ b + c
    return W, b


@replaces("collapse_linear")
def starts_from_a_float_identity(layers):
    """The identity to start from has the default number type; layers in double precision do not
    multiply with it."""
    first = layers[0][0]
    W = torch.eye(first.shape[1]).to(first.device)
    b = torch.zeros(first.shape[1]).to(first.device)
    for V, c in layers:
        W = V @ W
        b = V @ b + c
    return W, b


@replaces("collapse_linear")
def squeezes_width_one(layers):
    """squeeze() drops every axis of length 1, so with one input or one output the weight is no longer
    a matrix."""
    W, b = layers[0][0], layers[0][1].unsqueeze(1)
    for V, c in layers[1:]:
        W = V @ W
        b = V @ b + c.unsqueeze(1)
    return W.squeeze(), b.squeeze()


@replaces("collapse_linear")
def turns_the_list_around(layers):
    """reverse() turns the caller's own list around; the second time it is called with that list the
    layers come in the wrong order."""
    layers.reverse()
    W, b = layers[0]
    for V, c in layers[1:]:
        b = b + W @ c
        W = W @ V
    return W, b


# hard to catch
@replaces("collapse_linear")
def adds_into_the_last_bias(layers):
    """The sum is collected in the last layer's own bias with +=, so the caller's layer is changed;
    start from a copy."""
    W, b = layers[-1]
    for V, c in reversed(layers[:-1]):
        b += W @ c
        W = W @ V
    return W, b


# hard to catch
@replaces("collapse_linear")
def fits_random_probes(layers):
    """The map is found from random inputs, which uses up global random numbers although nothing here
    is random."""
    first = layers[0][0]
    width = first.shape[1]
    x = torch.randn(4 * width + 4, width, dtype=torch.float64).to(first.device)
    out = x
    for W, b in layers:
        out = out @ W.double().T + b.double()
    ones = torch.ones_like(x[:, :1])
    fit = torch.linalg.lstsq(torch.cat([x, ones], dim=1), out).solution
    return fit[:-1].T.to(first.dtype), fit[-1].to(first.dtype)


# hard to catch
@replaces("collapse_linear")
def identity_left_on_the_cpu(layers):
    """The identity to start from is made on the default device; it has to be made where the layers
    are."""
    first = layers[0][0]
    W = torch.eye(first.shape[1], dtype=first.dtype)
    b = torch.zeros(first.shape[1], dtype=first.dtype)
    for V, c in layers:
        W = V @ W
        b = V @ b + c
    return W, b
