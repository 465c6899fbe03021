"""Reference solutions of part3_training.

Made from source/module6/part3_training.ipynb: do not edit, run `autograder release`.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn


class MLP(nn.Module):
    """A classifier with one hidden layer.

    input_size: numbers per sample; hidden_size: hidden units; num_classes: logits per sample;
    p: probability that dropout sets a hidden value to zero during training.
    """

    def __init__(self, input_size, hidden_size, num_classes, p=0.2):
        """Make and register the layers."""
        super().__init__()
        self.to_hidden = nn.Linear(input_size, hidden_size)
        self.drop = nn.Dropout(p)
        self.to_logits = nn.Linear(hidden_size, num_classes)

    def forward(self, x):
        """x: (N, ...) with input_size numbers per sample -> logits (N, num_classes)."""
        rows = x.flatten(start_dim=1)
        hidden = F.relu(self.to_hidden(rows))
        return self.to_logits(self.drop(hidden))


def train_one_epoch(model, loader, optimizer, criterion, device):
    """Train `model` on every batch of `loader` once.

    loader: yields (inputs, targets), the first dimension of both being the samples;
    criterion(outputs, targets): the mean loss of a batch; device: where the model is.
    Returns the mean loss over samples, as seen before each step.
    """
    model.train()
    loss_sum, seen = 0.0, 0
    for inputs, targets in loader:
        inputs, targets = inputs.to(device), targets.to(device)
        optimizer.zero_grad()
        batch_mean = criterion(model(inputs), targets)
        batch_mean.backward()
        optimizer.step()
        loss_sum += batch_mean.item() * len(targets)
        seen += len(targets)
    return loss_sum / seen


def evaluate(model, loader, criterion, device):
    """Measure a classifier on every batch of `loader`.

    loader: yields (inputs, targets) with class numbers (N,) as targets;
    criterion(logits, targets): the mean loss of a batch; device: where the model is.
    Returns (loss, accuracy), both means over samples, accuracy from 0 to 1.
    """
    model.eval()
    loss_sum, hits, seen = 0.0, 0, 0
    with torch.no_grad():
        for inputs, targets in loader:
            inputs, targets = inputs.to(device), targets.to(device)
            logits = model(inputs)
            loss_sum += criterion(logits, targets).item() * len(targets)
            hits += (logits.argmax(dim=1) == targets).sum().item()
            seen += len(targets)
    return loss_sum / seen, hits / seen


def repaired_loop(model, loader, optimizer, criterion, device):
    """Train `model` on every batch of `loader` once, as `train_one_epoch` does.

    loader: yields (inputs, targets), the first dimension of both being the samples;
    criterion(outputs, targets): the mean loss of a batch; device: where the model is.
    Returns the mean loss over samples, as seen before each step.
    """
    model.train()
    weighted, count = 0.0, 0
    for rows, labels in loader:
        loss = criterion(model(rows.to(device)), labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        weighted += rows.shape[0] * loss.item()
        count += rows.shape[0]
    return weighted / count


def lr_sweep(make_model, X, y, lrs, steps, seed=0):
    """Losses of full-batch gradient descent on the mean squared error, for each learning rate.

    make_model(): a new model with random weights; X: (n, d); y: the shape of the model's output;
    lrs: learning rates; steps: number of steps with each; seed: set before each model is made.
    Returns {lr: the `steps` losses, each before its step}.
    """
    histories = {}
    for lr in lrs:
        torch.manual_seed(seed)
        learner = make_model()
        optimizer = torch.optim.SGD(learner.parameters(), lr=lr)
        histories[lr] = []
        for _ in range(steps):
            error = F.mse_loss(learner(X), y)
            histories[lr].append(error.item())
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
    return histories


def classify_run(losses):
    """Name what a run did.

    losses: one or more, in order (list, 1-d array or tensor).
    Returns "diverged", "too_slow" or "converging".
    """
    values = [float(loss) for loss in losses]
    start, end = values[0], values[-1]
    if not all(math.isfinite(value) for value in values) or end > 2 * start:
        return "diverged"
    return "too_slow" if end > 0.9 * start else "converging"


def next_learning_rate(lr, losses):
    """The learning rate to try after a run with `lr` that had these losses."""
    factors = {"diverged": 1 / 10, "too_slow": 5, "converging": 1}
    return lr * factors[classify_run(losses)]
