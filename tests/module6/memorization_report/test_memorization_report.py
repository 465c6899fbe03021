"""Hidden grader: the figures of memorization_report, worked out anew from the labels it trained on.

How labels are permuted is the student's choice, so the labels that reach train_fn are recorded, and
the same training is done here with them. Which of the two runs comes first is free.
"""

import torch

from autograder.checks import close, describe, hint, is_tensor, sequence, show, weight, whole
from tests.module6.memorization_report import probes


def the_report(found):
    """One report or several, as a student reads them."""
    if isinstance(found, list):
        return "; ".join(show(each["value"]) for each in found)
    return f"{show(found['value'])}, after {len(found['calls'])} calls of train_fn"


pytestmark = describe(the_report)


CLASSES, SHAPE = 3, (4, 5)


def task(draw, **more):
    """Arguments of the probe: labels that a linear map gives, one class more frequent than the others."""
    teacher = draw.normal(20, CLASSES)
    sets = []
    for n in (45, 37):
        x = draw.normal(n, *SHAPE)
        sets += [x, (x.flatten(1) @ teacher + torch.tensor([1.5, 0.0, 0.0])).argmax(1)]
    names = ("X", "y", "X_test", "y_test")
    return dict(zip(names, sets, strict=True)) | {"seed": draw.seed(), **more}


def labels_of(call, X):
    """The labels that one training gave to the samples, in the order of X; None if it had others."""
    inputs, labels = call["X"], call["y"]
    if not is_tensor(inputs, tuple(X.shape)) or not is_tensor(labels, (len(X),)):
        return None
    same = (inputs.flatten(1)[:, None] == X.flatten(1)[None]).all(dim=2)
    if not bool((same.sum(0) == 1).all()):
        return None
    return labels[same.int().argmax(dim=0)].long()


def trained_on(got, given):
    """The labels of all trainings: those on y itself, and the others."""
    found = [labels_of(call, given["X"]) for call in got["calls"]]
    found = [labels for labels in found if labels is not None]
    own = [labels for labels in found if torch.equal(labels, given["y"])]
    return own, [labels for labels in found if not torch.equal(labels, given["y"])]


def accuracies(labels, given):
    """Training accuracy on these labels, and test accuracy, of a fresh model trained on them."""
    model = probes.Classifier(given["X"][0].numel(), CLASSES)
    probes.learn(model, given["X"], labels)
    with torch.no_grad():
        pairs = ((given["X"], labels), (given["X_test"], given["y_test"]))
        return [(model(x).argmax(1) == y).double().mean().item() for x, y in pairs]


def told(got, key):
    """What the report says under a key; None if it says nothing."""
    return got["value"].get(key) if isinstance(got["value"], dict) else None


def fits(got, given, key):
    """Whether the two accuracies are those of a training on the true (or the shuffled) labels."""
    candidates = trained_on(got, given)[key == "shuffled"]
    pair = sequence(told(got, key))
    return any(close(pair, accuracies(labels, given), rtol=0, atol=1e-4) for labels in candidates)


def permuted(got, given):
    """Whether the trainings are one on y and one on a permutation of it."""
    own, others = trained_on(got, given)
    # A permutation of 45 labels gives back the same ones less than once in 10^9.
    if len(got["calls"]) != 2 or len(own) != 1 or len(others) != 1:
        return False
    return torch.equal(others[0].sort().values, given["y"].sort().values)


def mixed(got, given):
    """The labels, other than y, of a training; None if there was no such training."""
    others = trained_on(got, given)[1]
    return others[0] if others else None


@weight(4)
@hint("What the second model was told are the shuffled labels: its memory of X is measured against them.")
def test_accuracies(student, draw):
    """Each entry holds two shares between 0 and 1, the accuracy on the training data and the one on the test
    data: "true" of a model trained on the labels as they are, "shuffled" of one trained on shuffled labels,
    whose training accuracy is counted against those. The test labels are never shuffled."""
    given = task(draw)
    got = student.run(probes.reported, **given)
    assert fits(got, given, "true"), "true"
    assert fits(got, given, "shuffled"), "shuffled"


@weight(3)
@hint(
    "Permute the labels alone: if X moves along, or labels are drawn anew, it is another experiment. Call "
    "make_model() for each of the two trainings: a model remembers what it has learnt."
)
def test_two_trainings(student, draw):
    """train_fn is called exactly twice, each time with an untrained model: once with the labels, once with
    a permutation of them, so that labels no longer belong to their samples but each class is as frequent
    as before."""
    given = task(draw)
    got = student.run(probes.reported, **given)
    assert permuted(got, given), "no permutation"
    assert all(close(call["before"], 0) for call in got["calls"]), "trained before"


@hint("train_fn leaves the model in training mode: call model.eval() before you measure.")
def test_eval_mode(student, draw):
    """The accuracies are measured in eval mode, on training data too."""
    given = task(draw, moody=True)
    got = student.run(probes.reported, **given)
    assert fits(got, given, "true")  # the other model is measured by the same code


@hint("Count the scalars in model.parameters(); state_dict() holds buffers besides.")
def test_params(student, draw):
    """ "params" is the number of scalars in the parameters of one model; buffers are none."""
    classes = draw.integer(3, 9)
    given = task(draw) | {"classes": classes}
    want = given["X"][0].numel() * classes + classes
    assert whole(told(student.run(probes.reported, **given), "params")) == want


@hint("Make a generator of your own from the seed, anew in each call, and permute with it.")
def test_seed(student, draw):
    """The seed decides the permutation: the same one whenever the seed is the same, whatever was drawn
    before, and another one for another seed."""
    given = task(draw)
    seed = given.pop("seed") % 10**6
    runs = student.run(probes.repeated, **given, seeds=[seed, seed, seed + 1 + draw.integer(0, 999)])
    first, again, other = [mixed(got, given) for got in runs]
    assert first is not None and again is not None and other is not None, "never shuffled"
    assert torch.equal(first, again), "the same seed"
    assert not torch.equal(first, other), "another seed"


@hint("Shuffle a copy: y[order] makes one, np.random.shuffle(y) writes into y. Seed no global generator.")
def test_leaves_no_trace(student, draw):
    """X, y and the global random state are left as they were."""
    given = task(draw)
    got = student.run(probes.reported, **given)
    assert not student.changed, student.changed
    # Who does nothing leaves no trace either, and earns nothing by it.
    assert mixed(got, given) is not None, "never shuffled"
