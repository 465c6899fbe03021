"""Probes of train_val_split and fit_mnist: splits, and a classifier trained on images that are sent."""

import random

import numpy as np
import torch
from torch import nn

from autograder.fake_device import attempt, on_other_device


class Images:
    """A data set that can be asked for its length and for one pair at a time, and for nothing else.

    Its images are on the CPU, as those of a data set are, wherever the model is trained.
    """

    def __init__(self, images, labels):
        self.pairs = [(x, int(y)) for x, y in zip(as_floats(images.cpu()), labels, strict=True)]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        image, label = self.pairs[int(i)]
        return image.clone(), label


def as_floats(images):
    """Bytes (N, 28, 28) as floats (N, 1, 28, 28) from 0 to 1."""
    return images[:, None].to(torch.get_default_dtype()) / 255


def place(images):
    """What fit_mnist is told about the device on which these images are; nothing about the default."""
    return {} if images.device.type == "cpu" else {"device": images.device.type}


def splits(nb, calls):
    """train_val_split for (n, val_fraction, seed) in {calls}, random numbers being drawn in between"""
    found = []
    for n, fraction, seed in calls:
        found.append(nb.train_val_split(n, fraction, seed))
        torch.rand(3), np.random.rand(3), random.random()
    return found


def scores(model, images):
    """What the model says in eval mode to all images at once, and to the first one alone."""
    if not isinstance(model, nn.Module):
        return None
    model.eval()
    device = next(model.parameters()).device
    x = as_floats(images).to(device)
    with torch.no_grad():
        return {"all": model(x), "first": model(x[:1])}


def trained(nb, images, labels, unseen):
    """fit_mnist on handwritten digits, then the model in eval mode on digits that were held out"""
    return scores(nb.fit_mnist(Images(images, labels), **place(images)), unseen)


def after_seeds(nb, images, labels, unseen, epochs, seeds):
    """fit_mnist on some digits, each time after another seed for the global generators"""
    found = []
    for seed in seeds:
        torch.manual_seed(seed), np.random.seed(seed), random.seed(seed)
        model = nb.fit_mnist(Images(images, labels), epochs=epochs, **place(images))
        out = scores(model, unseen)
        found.append(
            {"out": out, "drawn": [torch.rand(2).tolist(), list(np.random.rand(2)), random.random()]}
        )
    return found


def on_device(nb, images, labels, unseen, epochs, device):
    """fit_mnist(dataset, epochs={epochs}, device=…) with another device"""
    dataset = Images(images, labels)

    def program(device):
        model = nb.fit_mnist(dataset, epochs=epochs, device=device)
        model.eval()
        with torch.no_grad():
            out = model(as_floats(unseen).to(device))
        return {"there": all(map(on_other_device, model.parameters())), "out": out}

    found = attempt(program, device)
    return found | {"home": attempt_at_home(program) if found["error"] else None}


def passes_back(nb, images, labels, several):
    """fit_mnist(dataset, epochs) for {several} epochs (None: not passed): how often gradients were computed"""
    found = []
    for epochs in several:
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        dataset = Images(images, labels)
        more = place(images) | ({} if epochs is None else {"epochs": epochs})
        found.append(counted(lambda: nb.fit_mnist(dataset, **more)))  # noqa: B023 - called at once
    return found


def counted(program):
    """How often torch.autograd is asked for gradients while the program runs."""
    calls, own = 0, {name: getattr(torch.autograd, name) for name in ("backward", "grad")}

    def counting(function):
        def called(*args, **kwargs):
            nonlocal calls
            calls += 1
            return function(*args, **kwargs)

        return called

    try:
        for name, function in own.items():
            setattr(torch.autograd, name, counting(function))
        program()
    finally:
        for name, function in own.items():
            setattr(torch.autograd, name, function)
    return calls


def attempt_at_home(program):
    """The name of the error that the program gives on the CPU, None without one."""
    try:
        program("cpu")
    except Exception as error:
        return type(error).__name__
    return None
