"""Reference solutions of part1_neurons.

Made from source/module6/part1_neurons.ipynb: do not edit, run `autograder release`.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


# CLAIMS: a dict with the keys "a" to "j", each True or False.
CLAIMS = {
    "a": False, "b": True, "c": True, "d": False, "e": True,
    "f": False, "g": False, "h": True, "i": False, "j": True,
}


def train_perceptron(X, y, epochs=100, lr=1.0):
    """Train a perceptron by Rosenblatt's rule, starting from zeros.

    X: (n, d), y: (n,) labels 0 or 1; tensors or lists.
    Returns (w, b, mistakes): w (d,), b one number, mistakes one count per epoch run.
    """
    X = torch.as_tensor(X)
    X = X.to(torch.promote_types(X.dtype, torch.float32))  # whole numbers become floats
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        mistakes.append(0)
        for x, label in zip(X, y):
            error = int(label) - int(w @ x + b > 0)  # 1, 0 or -1
            w, b = w + lr * error * x, b + lr * error
            mistakes[-1] += abs(error)
        if mistakes[-1] == 0:
            break
    return w, b, mistakes


def xor_weights():
    """Weights of a 2-2-1 ReLU network that computes XOR.

    Returns (W1, b1, w2, b2): W1 (2, 2), b1 (2,), w2 (2,), b2 one number;
    w2 . relu(W1 x + b1) + b2 > 0 exactly where XOR is 1.
    """
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, -1.0])  # relu(s) and relu(s - 1) for s = x1 + x2
    w2 = torch.tensor([1.0, -2.0])  # 0, 1, 0 at s = 0, 1, 2
    return W1, b1, w2, -0.5


def relu(x):
    """max(0, x), elementwise. x: a tensor of any shape; returns the same shape, dtype, device."""
    return torch.where(x > 0, x, 0)


def sigmoid(x):
    """1 / (1 + exp(-x)), elementwise. x: a tensor of any shape; returns the same shape, dtype, device."""
    return torch.exp(F.logsigmoid(x))  # the plain formula has nan as its gradient at -1000


def softmax(x, dim=-1):
    """Probabilities along `dim`. x: a tensor of any shape; returns the same shape, dtype, device."""
    powers = torch.exp(x - x.detach().amax(dim, keepdim=True))  # the largest power is 1
    return powers / powers.sum(dim, keepdim=True)


def choose_activation(role):
    """The activation for a layer's role, as an nn.Module.

    role: "hidden" (N, H), "binary_output" (N,) or "multiclass_output" (N, C).
    Raises ValueError for any other role.
    """
    match role:
        case "hidden":
            return nn.ReLU()
        case "binary_output":
            return nn.Sigmoid()
        case "multiclass_output":
            return nn.Softmax(dim=1)
    raise ValueError(f"role should be hidden, binary_output or multiclass_output, not {role!r}")


def gradient_flow(activation, z, n_layers):
    """What is left of a gradient of 1 after 0, 1, ..., n_layers layers of slope act'(z).

    activation: "sigmoid" or "relu"; z: a float. Returns n_layers + 1 floats, double precision.
    """
    small = math.exp(-abs(z))  # never overflows; the sigmoid's slope is the same at z and -z
    slope = {"sigmoid": small / (1 + small) ** 2, "relu": float(z > 0)}[activation]
    return [slope**layers for layers in range(n_layers + 1)]


def count_params(architecture, bias=True) -> int:
    """Number of weights (and biases) of a fully connected network.

    architecture: layer sizes as a sequence of ints, input first.
    """
    pairs = zip(architecture, architecture[1:])
    return sum((inputs + bool(bias)) * outputs for inputs, outputs in pairs)


def count_parameters(model, trainable_only=True) -> int:
    """Number of scalars in the parameters of an nn.Module, shared ones once, buffers never."""
    counted = [part for part in model.parameters() if not trainable_only or part.requires_grad]
    return sum(map(torch.numel, counted))


def loss_and_probs(task, logits, targets):
    """Mean cross-entropy over the samples, from logits, and the probabilities.

    task "binary": logits (N,), targets (N,) of 0/1, any number type;
    task "multiclass": logits (N, C), targets (N,) int64.
    Returns (loss, probs): loss a 0-dim tensor with its graph, probs of the shape of logits.
    """
    if task == "binary":
        loss = F.binary_cross_entropy_with_logits(logits, targets.to(logits.dtype))
        return loss, torch.sigmoid(logits)
    if task == "multiclass":
        return F.cross_entropy(logits, targets), torch.softmax(logits, dim=1)
    raise ValueError(f"task should be binary or multiclass, not {task!r}")


def linear_with(weight, bias):
    """Given: an nn.Linear that holds these numbers. weight: out rows of in numbers, bias: out numbers."""
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def sawtooth(k) -> nn.Module:
    """A ReLU network from (N, 1) to (N, 1): the tent map on [0, 1], k times, at most 16 k parameters."""
    folds = []
    for _ in range(k):  # 2 relu(x) - 4 relu(x - 1/2): powers of two keep float32 exact
        folds += [linear_with([[1.0], [1.0]], [0.0, -0.5]), nn.ReLU(), linear_with([[2.0, -4.0]], [0.0])]
    return nn.Sequential(*folds)


def collapse_linear(layers):
    """The one affine map that equals a stack of them.

    layers: a list of (W (out, in), b (out,)), first layer first, at least one.
    Returns (W, b).
    """
    W, b = layers[0]
    for W_next, b_next in layers[1:]:
        W, b = W_next @ W, W_next @ b + b_next
    return W, b
