"""Right ways to write the memorization report, none of them the usual one."""

import copy
import random
import sys
import warnings

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset

from autograder.samples import replaces


@replaces("memorization_report")
def shuffled_run_first(make_model, train_fn, X, y, X_test, y_test, seed):
    """The shuffled labels come first; the order is NumPy's, from a generator of its own."""
    order = np.random.default_rng(seed).permutation(len(y))
    mixed = y[torch.as_tensor(order, device=y.device)]

    @torch.no_grad()
    def share(model, inputs, labels):
        return np.mean((model.eval()(inputs).argmax(1) == labels).cpu().numpy())

    report = {}
    for name, labels in (("shuffled", mixed), ("true", y)):
        model = make_model()
        train_fn(model, X, labels)
        report[name] = (share(model, X, labels), share(model, X_test, y_test))
        report["params"] = sum(p.numel() for p in model.parameters())
    return report


@replaces("memorization_report")
def recursion_over_the_runs(make_model, train_fn, X, y, X_test, y_test, seed):
    """An inner function does one run and calls itself for those that are left."""
    g = torch.Generator().manual_seed(seed)
    mixed = y.index_select(0, torch.randperm(y.size(0), generator=g).to(y.device))

    def go(runs):
        if not runs:
            return {}
        name, labels = runs[-1]
        model = make_model()
        train_fn(model, X, labels)
        model.train(False)
        with torch.inference_mode():
            right = model(X).max(dim=-1).indices.eq(labels).double().mean().item()
            right_test = model(X_test).max(dim=-1).indices.eq(y_test).double().mean().item()
        size = sum(p.nelement() for p in model.parameters())
        return {name: (right, right_test), "params": size} | go(runs[:-1])

    return go([("true", y), ("shuffled", mixed)])


@replaces("memorization_report")
def scores_in_small_batches(make_model, train_fn, X, y, X_test, y_test, seed):
    """A loader cuts the images into batches for the scores; hits are counted as ints."""
    g = torch.Generator()
    g.manual_seed(seed)
    keys = torch.rand(len(y), generator=g)
    runs = {"true": y, "shuffled": y[keys.argsort().to(y.device)].clone()}
    result = {}
    for name in runs:
        model = make_model()
        train_fn(model, X, runs[name])
        model.eval()
        scores = []
        for inputs, labels in ((X, runs[name]), (X_test, y_test)):
            hits = 0
            for start in range(0, len(labels), 16):
                with torch.no_grad():
                    logits = model(inputs[start : start + 16])
                hits += int((logits.argmax(dim=1) == labels[start : start + 16]).sum())
            scores.append(hits / len(labels))
        result[name] = tuple(scores)
    result["params"] = int(sum(np.prod(tuple(p.shape), dtype=int) for p in model.parameters()))
    return result


def _accuracy(model, inputs, labels):
    twin = copy.deepcopy(model).eval()
    own = torch.Generator()
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=len(labels), generator=own)
    with torch.no_grad():
        (value,) = [(twin(a).topk(1, dim=1).indices[:, 0] == b).float().mean() for a, b in loader]
    return value


@replaces("memorization_report")
def a_copy_is_scored(make_model, train_fn, X, y, X_test, y_test, seed):
    """A deep copy goes into eval mode; 0-dim tensors come back, and warnings are given."""
    places = list(range(len(y)))
    random.Random(seed).shuffle(places)
    honest, fooled = make_model(), make_model()
    mixed = torch.stack([y[i] for i in places])
    for model, labels in ((honest, y), (fooled, mixed)):
        train_fn(model, X, labels)
    warnings.warn("two models are trained by now", stacklevel=2)
    return {
        "true": (_accuracy(honest, X, y), _accuracy(honest, X_test, y_test)),
        "shuffled": (_accuracy(fooled, X, mixed), _accuracy(fooled, X_test, y_test)),
        "params": torch.nn.utils.parameters_to_vector(fooled.parameters()).numel(),
    }


@replaces("memorization_report")
def swaps_by_hand(make_model, train_fn, X, y, X_test, y_test, seed):
    """A copy of the labels is shuffled by swaps; map runs both, stderr hears about it."""
    g = torch.Generator().manual_seed(seed)
    mixed = y.clone()
    for i in range(len(mixed) - 1, 0, -1):
        j = torch.randint(i + 1, (), generator=g).item()
        mixed[[i, j]] = mixed[[j, i]]

    def run(labels):
        net = make_model()
        train_fn(net, X, labels)
        net.eval()
        for p in net.parameters():
            p.requires_grad_(False)
        wrong = [(net(a).argmax(-1) != b).sum().item() for a, b in ((X, labels), (X_test, y_test))]
        print("errors:", wrong, file=sys.stderr)
        scores = (1 - wrong[0] / len(labels), 1 - wrong[1] / len(y_test))
        return scores, sum(map(torch.numel, net.parameters()))

    (true, size), (shuffled, _) = map(run, (y, mixed))
    return dict(true=true, shuffled=shuffled, params=size)
