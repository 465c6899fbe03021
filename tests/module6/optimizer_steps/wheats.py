"""Right ways to take a step with momentum or with Adam, none of them the usual one."""

import collections
import math

import torch

from autograder.samples import replaces


@replaces("momentum_step")
def scaled_additions(w, grad, velocity, lr, beta):
    """Two scaled additions, with torch.add and its alpha."""
    velocity = torch.add(torch.as_tensor(grad), torch.as_tensor(velocity), alpha=beta)
    return torch.add(torch.as_tensor(w), velocity, alpha=-lr), velocity


@replaces("momentum_step")
def in_place_on_copies(w, grad, velocity, lr, beta):
    """In-place arithmetic, but only ever on tensors that were made here."""
    new_velocity = torch.zeros_like(grad)
    new_velocity += velocity
    new_velocity *= beta
    new_velocity += grad
    new_w = w.clone()
    new_w -= lr * new_velocity
    return new_w, new_velocity


@replaces("adam_step")
def lerp_towards_the_gradient(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Both averages move a part of the way towards the new value; the corrections are folded into
    the size of the step."""
    m, v, t = state
    m = m + (1 - beta1) * (grad - m)
    v = v + (1 - beta2) * (grad * grad - v)
    t = t + 1
    size = lr / (1 - beta1**t)
    return w - size * m / ((v / (1 - beta2**t)).sqrt() + eps), (m, v, t)


@replaces("adam_step")
def epsilon_under_the_root(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """eps is added under the root; where it stands is free."""
    *averages, steps = state
    steps += 1
    first = averages[0] * beta1 + grad * (1 - beta1)
    second = averages[1] * beta2 + grad**2 * (1 - beta2)
    down = torch.rsqrt(second / (1 - beta2**steps) + eps)
    return w - lr * down * first / (1 - beta1**steps), (first, second, steps)


_Memory = collections.namedtuple("_Memory", "mean square steps")


@replaces("adam_step")
def named_tuple(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The state comes back as a named tuple; the corrections are sums of the weights that the
    averages have given away so far."""
    mean, square, steps = state
    new = _Memory(
        mean=beta1 * mean + (1 - beta1) * grad,
        square=beta2 * square + (1 - beta2) * grad * grad,
        steps=steps + 1,
    )
    seen1 = sum((1 - beta1) * beta1**k for k in range(new.steps))
    seen2 = sum((1 - beta2) * beta2**k for k in range(new.steps))
    print("step", new.steps)
    return w - lr * (new.mean / seen1) / (torch.sqrt(new.square / seen2) + eps), new


@replaces("adam_step")
def one_rescaled_rate(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Both corrections in one learning rate, as at the end of section 2 of the paper; eps is added
    to the root that is not corrected."""
    m, v, t = state
    betas, t = (beta1, beta2), t + 1
    rows = zip(betas, (m, v), (grad, grad**2), strict=True)
    m, v = (b * old + (1 - b) * new for b, old, new in rows)
    c1, c2 = (1 - b**t for b in betas)
    return w - lr * math.sqrt(c2) / c1 * m / (v**0.5 + eps), (m, v, t)
