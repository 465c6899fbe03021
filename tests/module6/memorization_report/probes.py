"""Probes of memorization_report: a classifier that learns in one go, and a record of every training."""

import random

import numpy as np
import torch
from torch import nn


class Classifier(nn.Module):
    """A linear classifier with buffers; a moody one answers otherwise in training mode."""

    def __init__(self, size, classes, moody=False):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            self.layer = nn.Linear(size, classes)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.register_buffer("trainings", torch.zeros((), dtype=torch.int64))
        self.register_buffer("ballast", torch.zeros(11))
        self.moody = moody

    def forward(self, x):
        out = self.layer(x.flatten(1))
        return out.roll(1, dims=1) if self.moody and self.training else out


def learn(model, X, y):
    """Each class's weights move towards its samples: no chance, and what was learnt before stays."""
    with torch.no_grad():
        classes = model.layer.out_features
        targets = nn.functional.one_hot(y.long(), classes).double()
        targets = targets - targets.mean(0)
        model.layer.weight += (targets.t() @ X.flatten(1).double()).to(model.layer.weight.dtype)
        model.layer.bias += targets.sum(0).to(model.layer.bias.dtype)
        model.trainings += 1
    model.train()


def reported(nb, X, y, X_test, y_test, seed, classes=3, moody=False):
    """memorization_report on {classes} classes, seed={seed}"""
    calls = []

    def make_model():
        return Classifier(X[0].numel(), classes, moody).to(X.device)

    def train_fn(model, inputs, labels):
        labels = torch.as_tensor(labels).to(inputs.device)
        calls.append({"X": inputs.clone(), "y": labels.clone(), "before": model.trainings.item()})
        learn(model, inputs, labels)

    value = nb.memorization_report(make_model, train_fn, X, y, X_test, y_test, seed)
    return {"value": value, "calls": calls}


def repeated(nb, X, y, X_test, y_test, seeds):
    """memorization_report with the seeds {seeds}, random numbers being drawn in between"""
    found = []
    for seed in seeds:
        found.append(reported(nb, X, y, X_test, y_test, seed))
        torch.rand(3), np.random.rand(3), random.random()
    return found
