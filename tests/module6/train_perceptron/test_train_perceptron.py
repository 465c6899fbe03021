"""Hidden grader: Rosenblatt's rule, whatever the order of the samples, one by one or as a batch.

Much is judged on samples that are linearly independent, because there the weights tell how often
each sample has corrected them: w = lr * (sum of signed counts times samples), in any order.
"""

from contextlib import suppress

import numpy as np
import torch

from autograder.checks import Raised, close, hint, is_tensor, number, sequence, weight, whole

XOR = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1, 1, 0])


def plain(x):
    """The number x stands for, None for anything that is no double."""
    found = number(x)
    return None if found is None or abs(found) > 1e300 else float(found)


def parts(got, d):
    """(w as a double tensor, b as a float, mistakes as a list of ints), or None if they are not."""
    if not isinstance(got, (tuple, list)) or len(got) != 3:
        return None
    w, b, counts = got
    if isinstance(w, (list, tuple, np.ndarray)):
        values = [plain(x) for x in sequence(w) or []]
        w = torch.tensor(values) if values and None not in values else None
    counts = sequence(counts)
    if not is_tensor(w, (d,)) or plain(b) is None or counts is None:
        return None
    counts = [whole(x) for x in counts]  # how many there are is the matter of other checks
    return None if None in counts else (w.detach().double(), plain(b), counts)


def separates(X, y, w, b):
    """Whether the line has every sample on its side, in double precision."""
    return bool(((X.double() @ w + b > 0) == y.bool()).all())


def two_clouds(draw, d, n=10):
    """Labelled samples on both sides of a slanted gap, which does not pass through the origin."""
    direction = torch.nn.functional.normalize(draw.normal(d), dim=0)
    y = torch.tensor(draw.shuffled([0, 1] * (n // 2)))
    side = (2 * y - 1) * torch.tensor(draw.uniforms(0.8, 1.8, n))
    noise = draw.rand(n, d) - 0.5
    noise -= torch.outer(noise @ direction, direction)
    return torch.outer(side + draw.uniform(-0.5, 0.5), direction) + noise, y


def ledger(draw, n=4):
    """Linearly independent samples: one coordinate each of its own, and two that they share. There those
    of class 0 lie further out in the same direction, so that an epoch of corrections is seldom enough."""
    own = [draw.choice([1, -1]) * draw.choice([0.5, 1.0, 2.0]) for _ in range(n)]
    y = torch.tensor(draw.shuffled([0, 1, 1, 0]))
    towards = torch.tensor([draw.choice([1.5, -1.5]), draw.choice([1.5, -1.5])])
    shared = torch.outer(2 - y, towards) + torch.tensor(draw.integers(-2, 2, 2 * n)).reshape(n, 2) / 8
    return torch.cat([torch.diag(torch.tensor(own)), shared], dim=1), y


def long_ledger(draw, reference):
    """Such samples that need corrections in their second epoch too, when they come in this order."""
    while True:
        X, y = ledger(draw)
        if reference.train_perceptron(X, y, epochs=2)[2][-1]:
            return X, y


def near_and_far(draw):
    """Labelled samples in one direction from the origin, one class behind the other."""
    scale = torch.tensor([draw.uniform(0.8, 1.3), draw.choice([-1, 1]) * draw.uniform(0.8, 1.3)])
    near_is_1 = draw.choice([True, False])
    near = torch.tensor([0.6, 0.8, 1.0]).outer(scale)
    far = torch.tensor([3.0, 3.4, 3.8]).outer(scale)
    return torch.cat([near, far]), torch.tensor([int(near_is_1)] * 3 + [int(not near_is_1)] * 3)


@weight(5)
@hint("Go on through the epochs, and let each mistake move w and b, which may be all that tells them apart.")
def test_separates(student, draw):
    """Data that a straight line can separate are separated in the end, with whole or float labels, also
    where only the bias can tell the classes apart."""
    for (X, y), dtype in (
        (two_clouds(draw, 2), torch.int64),
        (two_clouds(draw, 3), torch.float32),
        (near_and_far(draw), torch.int64),
    ):
        # Steps this large make nothing of a threshold near 0, which is the matter of another check.
        got = parts(student.train_perceptron(X, y.to(dtype), epochs=150, lr=1024.0), X.shape[1])
        assert got is not None and separates(X, y, got[0], got[1])


@weight(2)
@hint("Only a mistake corrects: by lr times the sample for w, and by lr for b, towards the label.")
def test_correction(student, draw):
    """One missed sample moves w by lr times the sample and b by lr, and is right from then on."""
    for lr in (1.0, 0.01, float(draw.integer(2, 9))):
        x = torch.tensor([draw.integers(1, 9, 3)]) / 4
        got = parts(student.train_perceptron(x, torch.tensor([1]), epochs=3, lr=lr), 3)
        assert got is not None
        w, b, mistakes = got
        assert close(w, lr * x[0], rtol=1e-4) and close(b, lr, rtol=1e-4)
        assert mistakes[:1] == [1] and not any(mistakes[1:])


@weight(2)
@hint("Count a mistake where you correct one: no correction without a mistake, and none twice.")
def test_mistakes_are_the_corrections(student, reference, draw):
    """w and b are what the counted mistakes have added up to: corrections after mistakes only."""
    for epochs in (1, draw.integer(2, 6)):
        X, y = long_ledger(draw, reference)
        n, lr = len(y), draw.choice([0.5, 1.0, 2.0])
        got = parts(student.train_perceptron(X, y, epochs=epochs, lr=lr), n + 2)
        assert got is not None
        w, b, mistakes = got
        sign = 2.0 * y - 1
        assert any(adds_up(X, sign, w / step, b / step, sum(mistakes)) for step in (lr, lr / n))


def adds_up(X, sign, w, b, mistakes):
    """Whether w and b are sums of as many signed samples as there were mistakes."""
    counts = sign * w[: len(X)] / X.diagonal()
    return (
        bool((counts > -1e-4).all())
        and close(counts, counts.round(), rtol=0, atol=1e-3)
        and close(counts.sum().item(), mistakes, rtol=0, atol=1e-3)
        and close(w, (counts * sign) @ X.double(), rtol=1e-4, atol=1e-4)
        and close(b, (counts * sign).sum().item(), rtol=1e-4, atol=1e-4)
    )


@weight(2)
@hint("After a mistake go on with the next sample: an epoch ends when all have had their turn.")
def test_epoch_shows_all_samples(student, draw):
    """An epoch shows every sample once, also after a mistake."""
    turn = torch.tensor([0.0, 2.0944, 4.1888]) + draw.uniform(0, 6)
    radius = torch.tensor(draw.uniforms(2.5, 4, 3))  # correcting some makes the others no better
    X = torch.stack([radius * turn.cos(), radius * turn.sin()], dim=1)
    got = parts(student.train_perceptron(X, torch.ones(3, dtype=torch.int64), epochs=1), 2)
    assert got is not None
    w, b, mistakes = got
    assert mistakes == [3]
    assert any(
        close(w, step * X.sum(0), rtol=1e-3, atol=1e-3) and close(b, 3 * step, rtol=1e-3)
        for step in (1, 1 / 3)
    )


@weight(2)
@hint("At the start w and b are 0, the score is 0, and the answer to a score of exactly 0 is 0.")
def test_zero_is_class_0(student, draw):
    """A score of exactly 0 is answered with 0: samples of class 0 alone never make a mistake."""
    X = draw.normal(5, 3)
    got = parts(student.train_perceptron(X, torch.zeros(5, dtype=torch.int64), epochs=4), 3)
    assert got is not None
    assert not any(got[2]) and not got[0].any() and got[1] == 0


@weight(2)
@hint("No line separates XOR. An epoch without any mistake there means that mistakes get lost.")
def test_xor_never_ends(student, draw):
    """On XOR every epoch has mistakes, at most one a sample, and every epoch is run and counted."""
    for epochs, kwargs in ((100, {}), (draw.integer(5, 30), {"lr": 0.5})):
        asked = {"epochs": epochs} | kwargs if kwargs else {}
        got = parts(student.train_perceptron(*XOR, **asked), 2)
        assert got is not None
        assert len(got[2]) == epochs and all(1 <= count <= 4 for count in got[2])


@weight(2)
@hint("mistakes holds the count of each epoch for itself; stop early only after a count of 0.")
def test_counts_per_epoch(student, draw):
    """There is one count per epoch that was run; the run may end early only after one without mistakes,
    which comes when the data can be separated."""
    X, y = two_clouds(draw, 2)
    for epochs in (1, 2, 150):
        got = parts(student.train_perceptron(X, y, epochs=epochs), 2)
        assert got is not None
        mistakes = got[2]
        assert len(mistakes) == epochs or (len(mistakes) < epochs and mistakes[-1:] == [0])
        assert all(0 <= count <= len(y) for count in mistakes)
        if 0 in mistakes:
            assert not any(mistakes[mistakes.index(0) :])
    assert mistakes[-1] == 0


@hint("Return (w, b, mistakes): w a tensor with one entry per input, b one number.")
def test_shapes(student, draw):
    """w is a tensor of shape (d,), b is one number, mistakes a sequence, also for d = 1 and n = 1."""
    for n, d in ((6, 4), (5, 1), (1, 3)):
        X, y = draw.normal(n, d), draw.labels(n, 2)
        got = student.train_perceptron(X, y, epochs=3)
        assert parts(got, d) is not None and is_tensor(got[0], (d,))


@hint("Work on copies: y[y == 0] = -1 or an added column must not reach the caller's tensors.")
def test_inputs_unchanged(student, draw):
    """X and y are left as they were."""
    X, y = two_clouds(draw, 3)
    with suppress(Raised):  # whether floats will do is the matter of another check
        student.train_perceptron(X, y.float(), epochs=5)
    changed = student.changed
    assert parts(student.train_perceptron(X, y, epochs=5), 3) is not None
    assert not [word for word in (*changed, *student.changed) if word.startswith("argument")]


@weight(0.5)
@hint("If you shuffle, use a generator of your own, so that nobody else's random numbers change.")
def test_random_state(student, draw):
    """The global random state is neither seeded nor drawn from."""
    X, y = two_clouds(draw, 2)
    assert parts(student.train_perceptron(X, y, epochs=5), 2) is not None
    assert not [word for word in student.changed if not word.startswith("argument")]
