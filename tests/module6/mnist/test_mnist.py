"""Hidden grader: splits of drawn sizes, and a classifier trained on digits whose classes have new names.

The digits are those of the students' folder `data`, all of them mixed; 1400 are sent to train on and
397 without their labels. Digit k is called something else in each run, so that only who learns from
the data set that is passed can be right.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from autograder.checks import close, describe, hint, is_tensor, named, no_verdict, sequence, weight, whole
from tests.module6.mnist import probes

TRAINING = 1400
FOLDERS = [f"{step}/module6/data/MNIST/raw" for step in ("source", "release")]


@cache
def digits():
    """All embedded images (N, 28, 28) as bytes, and their digits."""
    root = Path(__file__).resolve().parents[3]
    raw = next(root / folder for folder in FOLDERS if (root / folder).is_dir())
    parts = {"images-idx3": (16, (-1, 28, 28)), "labels-idx1": (8, (-1,))}  # a header, then one byte a value
    images, labels = (
        np.concatenate(
            [
                np.frombuffer((raw / f"{part}-{kind}-ubyte").read_bytes(), np.uint8, offset=head).reshape(
                    shape
                )
                for part in ("train", "t10k")
            ]
        )
        for kind, (head, shape) in parts.items()
    )
    return torch.tensor(images), torch.tensor(labels).long()


def task(draw, n, classes=range(10)):
    """Arguments of the probes, n digits to learn from, and the labels of the unseen ones."""
    images, labels = digits()
    order = torch.tensor(draw.shuffled([i for i, k in enumerate(labels.tolist()) if k in classes]))
    names = torch.tensor(draw.shuffled(range(10)))
    images, labels = images[order], names[labels[order]]
    return {"images": images[:n], "labels": labels[:n].tolist(), "unseen": images[n:]}, labels[n:]


def accuracy(out, labels):
    """The share of right answers among ten scores for each image; 0 for anything else."""
    if not is_tensor(out, (len(labels), 10)) or out.is_complex():
        return 0.0
    return (out.argmax(dim=1) == labels).double().mean().item()


def parts(split):
    """Both parts as lists of whole numbers; None for anything else."""
    both = sequence(split) if isinstance(split, (list, tuple)) else None
    if both is None or len(both) != 2:
        return None
    found = [[whole(i) for i in sequence(part) or []] for part in both]
    return None if any(i is None for part in found for i in part) else found


def partitions(split, n, fraction):
    """Whether the parts share out 0 ... n - 1, the second one of the right size."""
    found = parts(split)
    if found is None:
        return False
    train, val = found
    return sorted(train + val) == list(range(n)) and abs(len(val) - n * fraction) <= 1 + 1e-9


@weight(2)
@hint("Permute the numbers 0 to n - 1 once, and cut: the first part here, all the rest there. Mind [-0:].")
def test_partition(student, draw):
    """train_val_split returns two sequences of whole numbers that share out 0 to n - 1, none twice and
    none left out; the second part has n * val_fraction of them, small n and val_fraction 0 included."""
    calls = [(draw.integer(500, 900), draw.uniform(0.1, 0.3), draw.seed())]
    calls += [(draw.integer(30, 40), draw.uniform(0.6, 0.8), 0), (5, 0.2, 1), (7, 0.5, 2), (12, 0.0, 3)]
    found = student.run(probes.splits, calls)
    for (n, fraction, _), split in zip(calls, found, strict=True):
        assert partitions(split, n, fraction), f"n = {n}, val_fraction = {fraction}"


@weight(2)
@hint(
    "Let the seed, and nothing but the seed, decide the permutation: a generator that is made from it in each call."
)
def test_seeds(student, draw):
    """The split is shuffled: the same one whenever the seed is the same, whatever was drawn before, and
    another one for another seed."""
    n, seed = draw.integer(800, 1000), draw.integer(1, 10**6)
    found = student.run(
        probes.splits, [(n, 0.25, seed), (n, 0.25, seed), (n, 0.25, seed + draw.integer(1, 9))]
    )
    assert all(partitions(split, n, 0.25) for split in found), "no partition"
    first, again, other = map(parts, found)
    assert first == again, "the same seed"
    # Two random choices of 200 out of 800 agree never.
    assert set(first[1]) != set(other[1]), "another seed"
    for _, val in (first, other):
        # Hoeffding's bound holds without replacement too: a right solution fails once in 30 million.
        early = sum(i < n // 2 for i in val) / len(val)
        assert abs(early - (n // 2) / n) < 3 / len(val) ** 0.5, "not shuffled"


@hint("PyTorch and NumPy both let you make a generator of your own from a seed: permute with that one.")
def test_split_leaves_no_trace(student, draw):
    """The split draws from a generator of its own: the global random states are neither seeded nor used."""
    n = draw.integer(100, 200)
    split = student.train_val_split(n, 0.25, draw.seed())
    assert not student.changed, student.changed
    assert partitions(split, n, 0.25), "no partition"
    # What is not shuffled needs no generator. 25 or more numbers come sorted once in 10^25.
    assert parts(split)[1] != sorted(parts(split)[1]) or shuffled_set(parts(split)[1])


def shuffled_set(val):
    """Whether a sorted part is at least a random choice: its members are no evenly spaced row."""
    return len({b - a for a, b in zip(val, val[1:], strict=False)}) > 1


@weight(4)
@hint(
    "Train in training mode with small batches (more steps), shuffled; 30 steps in all are too few. "
    "Learn from the data set that is passed, as it is."
)
@describe(named(all="scores", first="scores of the first image alone"))
def test_accuracy(student, draw):
    """After 5 epochs on 1400 handwritten digits the model is right on at least 85% of the digits that
    were held out, in eval mode; it takes images (N, 1, 28, 28), N = 1 too, and returns ten scores for each."""
    # One hidden layer and Adam with batches of 32 or 64 are right on 93% to 95% of all such digits. Of 397
    # draws (binomial) even a solution that is right on 92.5% of all fails less than once in 4 million.
    given, labels = task(draw, TRAINING)
    found = student.run(probes.trained, **given)
    assert isinstance(found, dict), "no nn.Module"
    share = accuracy(found["all"], labels)
    assert share >= 0.85, f"right on {share:.3f}"
    assert close(found["first"], found["all"][:1], rtol=1e-2, atol=1e-2), "one image alone"


@hint("Go through all of the data once in each epoch: `epochs` is the caller's to choose, 5 the default.")
@describe(lambda times: f"gradients were computed {times[0]}, {times[1]} and {times[2]} times")
def test_epochs(student, draw):
    """fit_mnist trains for as many epochs as it is asked for, and for 5 when nobody says how many."""
    given, _ = task(draw, 70)  # more than a batch, should the last one be left out
    del given["unseen"]
    once, five, default = student.run(probes.passes_back, **given, several=[1, 5, None])
    if five == once == 0:
        no_verdict("trains without torch.autograd, so that no epoch can be seen")
    # From one random state on, even who stops early stops at the same place again.
    assert once < five, "epochs is not used"
    assert default == five, "the default is not 5"


@hint(
    "Seed only inside `with torch.random.fork_rng():`, or not at all: the caller's own seed has to survive."
)
@describe(named(drawn="drawn afterwards"))
def test_fit_never_seeds(student, draw):
    """fit_mnist does not seed the global generators: who seeds before the call and draws after it gets
    numbers that belong to that seed."""
    given, labels = task(draw, 280, draw.choice([(0, 1), (0, 7), (1, 6)]))
    seeds = [draw.integer(0, 10**6), draw.integer(2 * 10**6, 3 * 10**6)]
    runs = student.run(probes.after_seeds, **given, epochs=4, seeds=seeds)
    # Two digits: who learns anything is right far more often than half of the time.
    assert all(isinstance(run["out"], dict) and accuracy(run["out"]["all"], labels) > 0.6 for run in runs)
    for first, second in zip(runs[0]["drawn"], runs[1]["drawn"], strict=True):
        assert not close(first, second), "seeded"


@weight(2)
@hint("Move the model once, and images AND labels of each batch; return the model where it was trained.")
@describe(named(out="scores"))
def test_device(student, draw, device):
    """Training happens on `device`, and there the returned model is."""
    given, labels = task(draw, 280, draw.choice([(0, 1), (0, 7), (1, 6)]))
    found = student.run(probes.on_device, **given, epochs=4, device=device)
    if found["limit"]:
        no_verdict("the pretended device came to its limit")
    assert found["error"] not in ("mixed", "numpy"), found["error"]
    if found["error"]:
        assert found["home"] is None, f"raises on the CPU too: {found['home']}"
        no_verdict(f"the other device answered {found['error']}")
    assert close(found["value"]["there"], True), "the model is elsewhere"
    assert accuracy(found["value"]["out"], labels) > 0.6, "not trained"
