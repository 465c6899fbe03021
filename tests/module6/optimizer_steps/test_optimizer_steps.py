"""Hidden grader: the steps that torch.optim's SGD (with momentum) and Adam make, in double precision.

Gradients are 0 or at least 0.5 in size: where eps stands then makes no difference that a check can see.
"""

import pytest
import torch

from autograder.checks import (
    Raised,
    close,
    hint,
    is_tensor,
    no_verdict,
    number,
    sequence,
    weight,
    whole,
)
from tests.module6.optimizer_steps import probes

NAMES = ["momentum_step", "adam_step"]
STEPS = 8


def slopes(draw, *shape):
    """Gradients of either sign, none near 0."""
    return (draw.rand(*shape) * 1.5 + 0.5) * draw.rand(*shape).sub(0.5).sign()


def changing(draw, top):
    """Learning rates that go up and down, by a factor of three and more from one step to the next."""
    return [round(draw.uniform(0.5, 1) * top / (1 + 9 * (k % 3)), 5) for k in range(STEPS)]


def pushed(w, grad, pace, lr, beta):
    """One step with momentum: the weights and the velocity."""
    pace = pace.double() * beta + grad
    return w.double() - lr * pace, pace


def adapted(w, grad, memory, lr=1e-3, beta1=0.9, beta2=0.999):
    """One step of Adam: the weights and the state."""
    mean, square, done = memory[0].double(), memory[1].double(), memory[2] + 1
    mean = mean + (1 - beta1) * (grad - mean)
    square = square + (1 - beta2) * (grad.double() ** 2 - square)
    scale = (square / (1 - beta2**done)).sqrt() + 1e-8
    return w.double() - lr / (1 - beta1**done) * mean / scale, (mean, square, done)


def walk(step, w, grads, memory, lrs, **more):
    """The weights after all the steps."""
    for grad, lr in zip(grads, lrs, strict=True):
        w, memory = step(w, grad, memory, lr=lr, **more)
    return w


def pushes(draw, lrs):
    """What the student is asked with these learning rates, and the right answer."""
    w, grads, beta = draw.normal(3, 2), slopes(draw, STEPS, 3, 2), round(draw.uniform(0.6, 0.95), 3)
    return (w, grads, lrs, beta), walk(pushed, w, grads, torch.zeros(3, 2), lrs, beta=beta)


def adaptions(draw, grads, lrs, **betas):
    """What the student is asked with these gradients and learning rates, and the right answer."""
    w = draw.normal(*grads[0].shape)
    start = (torch.zeros_like(w), torch.zeros_like(w), 0)
    return (w, grads, lrs, betas), walk(adapted, w, grads, start, lrs, **betas)


def midway(draw, name):
    """The tensors, the other arguments and the right answer of one step somewhere in the middle."""
    w, grad = draw.normal(4), slopes(draw, 4)
    if name == "momentum_step":
        # The rate 1, since where the rate belongs is another check's question.
        given, more = [w, grad, draw.normal(4)], [1.0, 0.8]
        return given, more, pushed(*given, *more)
    given = [w, grad, [draw.normal(4), 0.5 + draw.rand(4), draw.integer(3, 9)]]
    return given, [0.1], adapted(*given, 0.1)


def same(got, want):
    """Whether two tensors agree as well as float32 can."""
    return close(got, want, rtol=1e-4, atol=2e-5)


def same_state(got, want):
    """Whether a state holds these averages and this count."""
    items = sequence(got)
    if items is None or len(items) != 3:
        return False
    return same(items[0], want[0]) and same(items[1], want[1]) and whole(items[2]) == want[2]


def pair(got):
    """The weights of a pair that came back, and what came with them."""
    return tuple(got) if isinstance(got, (tuple, list)) and len(got) == 2 else (None, None)


@weight(3.5)
@hint(
    "The velocity keeps the share beta of itself and takes the gradient in whole; the new one moves w. It "
    "adds up gradients, not steps: today's learning rate applies to all of it, once."
)
def test_momentum(student, draw):
    """Over many calls momentum_step moves w as SGD with momentum does, also when the learning rate changes
    from call to call."""
    for lrs in ([round(draw.uniform(0.05, 0.2), 3)] * STEPS, changing(draw, 0.3)):
        given, want = pushes(draw, lrs)
        assert same(student.run(probes.momentum_path, *given), want)


@weight(4)
@hint(
    "Both averages start at 0 and are too small at first: correct them with the number of steps done, "
    "this one included, and scale by the root of the second."
)
def test_adam(student, draw):
    """Over many calls with a changing learning rate, adam_step moves w as Adam does, from the first step on,
    with the beta1 and beta2 that it is given."""
    given, want = adaptions(draw, slopes(draw, STEPS, 2, 3), changing(draw, 0.2))
    assert same(student.run(probes.adam_path, *given), want)
    betas = {"beta1": round(draw.uniform(0.5, 0.8), 3), "beta2": round(draw.uniform(0.85, 0.97), 3)}
    given, want = adaptions(draw, slopes(draw, STEPS, 2, 3), [0.1] * STEPS, **betas)
    assert same(student.run(probes.adam_path, *given), want), "betas"


@hint("The state remembers the averages as they are; their correction is made afresh in each step.")
def test_adam_state(student, draw):
    """The state that comes back holds the two running averages, uncorrected, and one step more than
    before; nothing else is in it."""
    (w, grad, memory), more, (_, state) = midway(draw, "adam_step")
    assert same_state(pair(student.adam_step(w, grad, tuple(memory), *more))[1], state)


@hint("0 divided by 0 is nan: that is what the small number ADDED to the divisor is there for.")
def test_adam_zero_gradient(student, draw):
    """A weight whose gradient has always been 0 stays where it is, one with a tiny gradient moves against
    it by no more than the learning rate; the others move as they should."""
    grads = slopes(draw, 3, 5)
    still, tiny = draw.shuffled(range(5))[:2]
    grads[:, still], grads[:, tiny] = 0, 5e-9
    (w, *given), want = adaptions(draw, grads, [0.1] * 3)
    shift = torch.zeros(5)
    shift[tiny] = w[tiny]  # the weight itself begins at 0, so that no tiny step is rounded away
    got = student.run(probes.adam_path, w - shift, *given)
    assert is_tensor(got, (5,)), "no tensor"
    # How far depends on where eps stands; wherever that is, it only makes steps shorter.
    moved = number(got[tiny])
    assert moved is not None and -0.301 <= moved < 0, "tiny gradient"
    rest = [i for i in range(5) if i != tiny]
    assert same(got[rest], want[rest])


@weight(1.5)
@hint(
    "Make new tensors: += and methods that end in _ overwrite what the caller still holds. What was "
    "done before comes in as an argument, so remember nothing between calls."
)
@pytest.mark.parametrize("name", NAMES)
def test_pure(student, draw, name):
    """From a given memory of earlier steps, {name} returns the right new values and changes none of
    its inputs."""
    (w, grad, memory), more, want = midway(draw, name)
    if name == "momentum_step":
        got = pair(student.momentum_step(w, grad, memory, *more))
        assert same(got[0], want[0]) and same(got[1], want[1])
    else:
        # Everything left to its default, the small learning rate too.
        got, want = pair(student.adam_step(w, grad, tuple(memory))), adapted(w, grad, memory)
        assert close(got[0], want[0], rtol=1e-6, atol=1e-6)
    assert not student.changed, student.changed


@hint("Tensors that you make yourself have to be made where w is: torch.zeros_like(w), device=w.device.")
def test_device(student, draw, device):
    """With their tensors on another device, both functions work there and what they return stays there."""
    for name in NAMES:
        there(student, draw, device, name)


def there(student, draw, device, name):
    """Whether one of the functions works on another device."""
    given, more, want = midway(draw, name)
    found = student.run(probes.on_device, name, given, more, device)
    assert found["error"] not in ("mixed", "numpy") or found["limit"], found["error"]
    if found["error"] or (found["limit"] and not found["there"]):
        w, grad, memory = given
        try:
            getattr(student, name)(w, grad, tuple(memory) if isinstance(memory, list) else memory, *more)
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error
        no_verdict(f"the other device answered {found['error']}")
    assert found["there"], "a result is not on the weights' device"
    assert same(pair(found["value"])[0], want[0])
