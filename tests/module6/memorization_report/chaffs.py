"""Wrong ways to write the memorization report, each from a mistake that students make."""

import torch

from autograder.samples import replaces


def _accuracy(model, inputs, labels):
    model.eval()
    with torch.no_grad():
        return (model(inputs).argmax(dim=1) == labels).float().mean().item()


def _accuracy_as_it_is(model, inputs, labels):
    with torch.no_grad():
        return (model(inputs).argmax(dim=1) == labels).float().mean().item()


def _mixed(y, seed):
    g = torch.Generator().manual_seed(seed)
    return y[torch.randperm(len(y), generator=g).to(y.device)]


def _size(model):
    return sum(p.numel() for p in model.parameters())


@replaces("memorization_report")
def true_labels_for_the_shuffled_run(make_model, train_fn, X, y, X_test, y_test, seed):
    """The model that was trained on shuffled labels is scored against the true ones, so it seems to
    have learned nothing. Whether it memorized shows against the labels that it was given."""
    mixed = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def test_labels_shuffled_too(make_model, train_fn, X, y, X_test, y_test, seed):
    """The test labels of the shuffled run are shuffled as well. What is asked is how such a model
    does on real test data."""
    mixed = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, _mixed(y_test, seed)))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def one_model_for_both(make_model, train_fn, X, y, X_test, y_test, seed):
    """The second run goes on with the model that has already learned the true labels. Each run
    needs a fresh model, or the first run shows up in the second."""
    mixed = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def stays_in_the_mode_of_training(make_model, train_fn, X, y, X_test, y_test, seed):
    """The model is scored in the mode in which training left it, so dropout still drops and batch
    norm uses the batch at hand. Switch to eval mode before you measure."""
    mixed = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy_as_it_is(model, X, y), _accuracy_as_it_is(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy_as_it_is(model, X, mixed), _accuracy_as_it_is(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


# hard to catch
@replaces("memorization_report")
def eval_only_for_the_test(make_model, train_fn, X, y, X_test, y_test, seed):
    """Eval mode is switched on for the test set alone. The training accuracy is a measurement too,
    and with dropout on it comes out too low."""
    mixed = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy_as_it_is(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy_as_it_is(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def one_run_for_each_number(make_model, train_fn, X, y, X_test, y_test, seed):
    """Every accuracy trains a model of its own, four runs in all. Both numbers of a pair belong to
    one and the same model: train it once and score it twice."""

    def score(labels, inputs, answers):
        model = make_model()
        train_fn(model, X, labels)
        return _accuracy(model, inputs, answers)

    mixed = _mixed(y, seed)
    return {
        "true": (score(y, X, y), score(y, X_test, y_test)),
        "shuffled": (score(mixed, X, mixed), score(mixed, X_test, y_test)),
        "params": _size(make_model()),
    }


# hard to catch
@replaces("memorization_report")
def new_labels_at_random(make_model, train_fn, X, y, X_test, y_test, seed):
    """The labels are drawn anew instead of shuffled, so the classes are no longer as frequent as
    they were. A permutation keeps all labels and only hands them to other images."""
    g = torch.Generator().manual_seed(seed)
    mixed = torch.randint(int(y.max()) + 1, y.shape, generator=g).to(y.device)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def seeds_the_global_generator(make_model, train_fn, X, y, X_test, y_test, seed):
    """The global generator is seeded to make the permutation repeatable, and every later draw of
    the caller repeats itself too. A generator of its own is all that this takes."""
    torch.manual_seed(seed)
    mixed = y[torch.randperm(len(y)).to(y.device)]
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def seed_left_unused(make_model, train_fn, X, y, X_test, y_test, seed):
    """The permutation comes from the global generator and the seed is never used: the same call
    gives another permutation each time."""
    mixed = y[torch.randperm(len(y)).to(y.device)]
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def images_move_with_their_labels(make_model, train_fn, X, y, X_test, y_test, seed):
    """Images and labels are put into the same new order, so every image keeps its own label and
    nothing is shuffled at all. Only the labels should move."""
    X_mixed, mixed = _mixed(X, seed), _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X_mixed, mixed)
    shuffled = (_accuracy(model, X_mixed, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


# hard to catch
@replaces("memorization_report")
def shuffles_in_place(make_model, train_fn, X, y, X_test, y_test, seed):
    """`mixed = y` is a second name and no copy: shuffling it shuffles the labels of the caller, who
    goes on working with wrong ones."""
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    mixed = y
    mixed[:] = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}


@replaces("memorization_report")
def counts_tensors(make_model, train_fn, X, y, X_test, y_test, seed):
    """The number of parameter tensors is counted, not the numbers in them: a linear layer counts 2
    here, however wide it is."""
    mixed = _mixed(y, seed)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": len(list(model.parameters()))}


# hard to catch
@replaces("memorization_report")
def seed_built_in(make_model, train_fn, X, y, X_test, y_test, seed):
    """The permutation always begins with the same number, whatever seed the caller passes. One
    experiment can then never be repeated with other shuffled labels."""
    mixed = _mixed(y, 42)
    model = make_model()
    train_fn(model, X, y)
    true = (_accuracy(model, X, y), _accuracy(model, X_test, y_test))
    model = make_model()
    train_fn(model, X, mixed)
    shuffled = (_accuracy(model, X, mixed), _accuracy(model, X_test, y_test))
    return {"true": true, "shuffled": shuffled, "params": _size(model)}
