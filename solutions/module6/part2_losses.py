"""Reference solutions of part2_losses.

Made from source/module6/part2_losses.ipynb: do not edit, run `autograder release`.
"""

import math

import torch


def dloss_dlogit(logit, target, kind):
    """Derivative of each sample's loss with respect to its logit.

    logit, target: floating-point tensors of the same shape, target 0 or 1;
    kind: "ce" for the binary cross-entropy of sigmoid(logit), "mse" for (sigmoid(logit) - target)^2.
    Returns a tensor of that shape.
    """
    p, q = torch.sigmoid(logit), torch.sigmoid(-logit)  # q is 1 - p, exact also where p rounds to 1
    error = (1 - target) * p - target * q  # the same as p - target
    if kind == "ce":
        return error
    if kind == "mse":
        return 2 * error * p * q
    raise ValueError(f"kind should be ce or mse, not {kind!r}")


def cross_entropy(logits, targets):
    """Mean cross-entropy of softmax(logits) over the samples.

    logits: (N, C) floating point; targets: (N,) class numbers, int64.
    Returns a 0-dim tensor with its graph.
    """
    shifted = logits - logits.detach().amax(dim=1, keepdim=True)  # the largest of each row is 0
    own = shifted.gather(1, targets.unsqueeze(1)).squeeze(1)
    return (shifted.exp().sum(dim=1).log() - own).mean()


def backprop(w1, b1, w2, b2, x, y):
    """Loss and gradients of the 1-1-1 network (ReLU, sigmoid, binary cross-entropy) for one sample.

    All arguments are numbers, y is 0 or 1.
    Returns a dict with the keys loss, w1, b1, w2, b2: the loss and its four derivatives.
    """
    z1 = w1 * x + b1
    h1 = max(z1, 0.0)
    z2 = w2 * h1 + b2

    sign = 1 - 2 * y
    wrong = sign * z2  # the logit of the wrong answer: the larger, the worse
    small = math.exp(-abs(wrong))  # never overflows
    loss = max(wrong, 0.0) + math.log1p(small)  # log(1 + exp(wrong))
    dz2 = sign * math.exp(min(wrong, 0.0)) / (1 + small)  # p - y

    dh1 = dz2 * w2
    dz1 = dh1 if z1 > 0 else 0.0
    return {"loss": loss, "w1": dz1 * x, "b1": dz1, "w2": dz2 * h1, "b2": dz2}


def momentum_step(w, grad, velocity, lr, beta):
    """One step of SGD with momentum, without changing the arguments.

    w, grad, velocity: tensors of one shape; lr: learning rate; beta: share of the velocity that is kept.
    Returns (w, velocity) after the step.
    """
    velocity = beta * velocity + grad
    return w - lr * velocity, velocity


def adam_step(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step of Adam, without changing the arguments.

    w, grad: tensors of one shape; state: (m, v, t), the averages of the gradient and of its square,
    uncorrected, and the number of steps done so far; before the first step zeros and 0.
    Returns (w, state) after the step.
    """
    m, v, t = state
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat**0.5 + eps), (m, v, t)
