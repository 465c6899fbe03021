"""Wrong steps with momentum or with Adam, each from a mistake that students make."""

import torch

from autograder.samples import replaces


@replaces("momentum_step")
def rate_inside_the_velocity(w, grad, velocity, lr, beta):
    """The learning rate is multiplied into the velocity. As long as it never changes, the weights
    come out the same; after a change the old rate lives on in the velocity."""
    velocity = beta * velocity + lr * grad
    return w - velocity, velocity


@replaces("momentum_step")
def averages_the_gradients(w, grad, velocity, lr, beta):
    """The new gradient is weighted by 1 - beta, as in Adam. Momentum as it is asked for adds the
    whole gradient, and its steps grow up to 1 / (1 - beta) times as long."""
    velocity = beta * velocity + (1 - beta) * grad
    return w - lr * velocity, velocity


@replaces("momentum_step")
def steps_with_the_old_velocity(w, grad, velocity, lr, beta):
    """The weights move by the velocity of the step before, so the new gradient counts one step too
    late. First the velocity, then the step."""
    return w - lr * velocity, beta * velocity + grad


@replaces("momentum_step")
def looks_ahead(w, grad, velocity, lr, beta):
    """This is Nesterov's variant: the gradient is added once more on top of the velocity. Plain
    momentum steps by the velocity alone."""
    velocity = beta * velocity + grad
    return w - lr * (grad + beta * velocity), velocity


# hard to catch
@replaces("momentum_step")
def velocity_in_place(w, grad, velocity, lr, beta):
    """mul_ and add_ write the new velocity over the one that was handed in. The numbers are right,
    but whoever still needs the old velocity has lost it."""
    velocity.mul_(beta).add_(grad)
    return w - lr * velocity, velocity


@replaces("adam_step")
def no_bias_correction(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Both averages begin at zero and are too small at first, the second one far more than the
    first. Without bias correction the first steps are about three times too long."""
    m, v, t = state
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return w - lr * m / (v.sqrt() + eps), (m, v, t + 1)


@replaces("adam_step")
def never_counts_on(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The step is counted inside the function but the old count is handed back, so that every step
    is corrected as if it were the first."""
    m, v, t = state
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1 ** (t + 1))
    v_hat = v / (1 - beta2 ** (t + 1))
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)


@replaces("adam_step")
def correction_one_step_late(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The correction takes t as it came in, with a patch against the division by zero. t counts the
    steps done before this one; the correction has to count this one too."""
    m, v, t = state
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    k = max(t, 1)
    m_hat = m / (1 - beta1**k)
    v_hat = v / (1 - beta2**k)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t + 1)


@replaces("adam_step")
def betas_swapped(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The two betas have changed places: beta1 belongs to the average of the gradients, beta2 to
    that of their squares. The first step does not show it."""
    m, v, t = state
    m = beta2 * m + (1 - beta2) * grad
    v = beta1 * v + (1 - beta1) * grad**2
    t = t + 1
    m_hat = m / (1 - beta2**t)
    v_hat = v / (1 - beta1**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)


@replaces("adam_step")
def remembers_the_corrected(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The corrected averages are handed back as the state, and the next step corrects them a second
    time. The correction is for the step only; the state stays as it is."""
    m, v, t = state
    t = t + 1
    m = (beta1 * m + (1 - beta1) * grad) / (1 - beta1**t)
    v = (beta2 * v + (1 - beta2) * grad**2) / (1 - beta2**t)
    return w - lr * m / (v.sqrt() + eps), (m, v, t)


# hard to catch
@replaces("adam_step")
def one_rate_for_the_tensor(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The squares are averaged over the whole tensor, which gives all its entries one common rate.
    Adam has a rate for every single weight."""
    m, v, t = state
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * torch.full_like(grad, grad.pow(2).mean())
    t = t + 1
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)


# hard to catch
@replaces("adam_step")
def counts_its_own_calls(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The function counts its own calls and corrects by that number. With a second tensor, or a
    second run, the count is no longer that of the state."""
    m, v, t = state
    calls = getattr(counts_its_own_calls, "calls", 0) + 1
    counts_its_own_calls.calls = calls
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**calls)
    v_hat = v / (1 - beta2**calls)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t + 1)


@replaces("adam_step")
def betas_built_in(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """0.9 and 0.999 are written into the correction. They are defaults only: the caller may choose
    other betas, and the correction has to go by those."""
    m, v, t = state
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)


@replaces("adam_step")
def state_with_more_in_it(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The corrected averages are handed back too, as further entries of the state. Whoever unpacks
    the state into m, v and t finds too many values."""
    m, v, t = state[:3]
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t, m_hat, v_hat)


@replaces("adam_step")
def no_epsilon(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """eps is left out, since it is so small. A weight whose gradient has always been 0, behind a
    dead unit for example, is then divided by 0 and becomes nan."""
    m, v, t = state
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return w - lr * (m / (1 - beta1**t)) / (v / (1 - beta2**t)).sqrt(), (m, v, t)


# hard to catch
@replaces("adam_step")
def averages_in_place(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """mul_ and addcmul_ write the new averages over those that were handed in. The numbers are
    right, but whoever still needs the old state has lost it."""
    m, v, t = state
    t = t + 1
    m.mul_(beta1).add_(grad, alpha=1 - beta1)
    v.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)


# hard to catch
@replaces("adam_step")
def by_way_of_numpy(w, grad, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """The averages are computed in NumPy, which knows nothing of GPUs: a tensor that lies on one
    cannot be turned into an array."""
    m, v, t = state
    t = t + 1
    g = grad.numpy()
    m = torch.from_numpy(beta1 * m.numpy() + (1 - beta1) * g)
    v = torch.from_numpy(beta2 * v.numpy() + (1 - beta2) * g**2)
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return w - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)
