"""Right but unusual ways to train a perceptron with Rosenblatt's rule."""

import random
import sys

import numpy as np
import torch

from autograder.samples import replaces


@replaces("train_perceptron")
def last_sample_first(X, y, epochs=100, lr=1.0):
    """Goes through the samples backwards in single precision; always runs every epoch."""
    data = X.detach().to(torch.float32)
    w = data.new_zeros(data.shape[1])
    b = 0.0
    mistakes = []
    for _ in range(epochs):
        wrong = 0
        for i in reversed(range(len(data))):
            guess = 1 if w @ data[i] + b > 0 else 0
            error = int(y[i]) - guess
            if error:
                wrong += 1
                w += lr * error * data[i]
                b += lr * error
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def whole_batch_at_once(X, y, epochs=100, lr=1.0):
    """Batch form: one summed correction an epoch; the bias is a 0-dim tensor, the answer double."""
    data = X.double()
    labels = y.double()
    w = torch.zeros(X.shape[1], dtype=torch.float64, device=X.device)
    b = torch.zeros((), dtype=torch.float64, device=X.device)
    mistakes = []
    for _ in range(epochs):
        error = labels - (data @ w + b > 0).double()
        mistakes.append(int(error.abs().sum().item()))
        w = w + lr * (error @ data)
        b = b + lr * error.sum()
    return w, b, mistakes


@replaces("train_perceptron")
def plain_lists_early_stop(X, y, epochs=100, lr=1.0):
    """Lists of Python floats inside, a while loop, and stops after a clean epoch."""
    rows = X.tolist()
    labels = [int(label) for label in y.tolist()]
    w = [0.0] * len(rows[0])
    b = 0.0
    mistakes = []
    while len(mistakes) < epochs and (not mistakes or mistakes[-1] > 0):
        count = 0
        for row, label in zip(rows, labels):
            score = sum(a * c for a, c in zip(w, row)) + b
            if score > 0 and label == 0:
                w = [a - lr * c for a, c in zip(w, row)]
                b -= lr
                count += 1
            elif score <= 0 and label == 1:
                w = [a + lr * c for a, c in zip(w, row)]
                b += lr
                count += 1
        mistakes.append(count)
    return torch.tensor(w, dtype=torch.float64, device=X.device), b, mistakes


@replaces("train_perceptron")
def numpy_ones_column(X, y, epochs=100, lr=1.0):
    """NumPy with a column of ones for the bias, shuffled each epoch by a generator of its own."""
    data = X.detach().cpu().numpy().astype(np.float64)
    data = np.hstack([data, np.ones((data.shape[0], 1))])
    labels = y.detach().cpu().numpy().astype(int)
    rng = np.random.default_rng(0)
    w = np.zeros(data.shape[1])
    mistakes = []
    for _ in range(epochs):
        bad = 0
        for i in rng.permutation(len(data)):
            error = labels[i] - int(data[i] @ w > 0)
            w = w + lr * error * data[i]
            bad += abs(error)
        mistakes.append(bad)
    return torch.from_numpy(w[:-1].copy()).to(X.device), w[-1], mistakes


@replaces("train_perceptron")
def dual_form(X, y, epochs=100, lr=1.0):
    """Keeps one signed count of corrections per sample and builds the weights at the end."""
    data = X.double()
    gram = (data @ data.T + 1).cpu()
    labels = [int(v) for v in y]
    alpha = torch.zeros(len(labels), dtype=torch.float64, device="cpu")
    mistakes = []
    for _ in range(epochs):
        mistakes.append(0)
        for i, label in enumerate(labels):
            # the sign of the score does not depend on a positive learning rate
            fires = (alpha * gram[i]).sum().item() > 0
            if fires != bool(label):
                alpha[i] += 1 if label else -1
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    w = lr * (alpha.to(data.device) @ data)
    return w, lr * alpha.sum().item(), mistakes


@replaces("train_perceptron")
def private_shuffle(X, y, epochs=100, lr=1.0):
    """A fresh order each epoch from a random.Random of its own; the counts come as a tuple."""
    rng = random.Random(42)
    order = list(range(X.shape[0]))
    w = torch.zeros_like(X[0], dtype=torch.float64)
    b = 0.0
    mistakes = ()
    for epoch in range(epochs):
        rng.shuffle(order)
        wrong = []
        for i in order:
            x = X[i].double()
            predicted = (torch.dot(w, x) + b > 0).item()
            actual = y[i].item() == 1
            if predicted and not actual:
                w, b = w - lr * x, b - lr
                wrong.append(i)
            if actual and not predicted:
                w, b = w + lr * x, b + lr
                wrong.append(i)
        mistakes += (len(wrong),)
        print("epoch", epoch, "wrong", len(wrong), file=sys.stderr)
        if not wrong:
            return w, b, mistakes
    return w, b, mistakes


@replaces("train_perceptron")
def signs_on_a_copy(X, y, epochs=100, lr=1.0):
    """Labels -1/+1 on a copy; a score of exactly 0 still counts as class 0."""
    inputs = X.clone().double()
    signs = torch.where(y > 0, 1.0, -1.0).to(inputs)
    w = torch.zeros(inputs.size(1), dtype=inputs.dtype, device=inputs.device)
    b = torch.zeros(1, dtype=inputs.dtype, device=inputs.device)
    mistakes = []
    for _ in range(epochs):
        m = 0
        for x, s in zip(inputs, signs):
            guess = 1.0 if (x * w).sum() + b[0] > 0 else -1.0
            if guess != s:
                w.add_(x, alpha=lr * s.item())
                b.add_(lr * s)
                m += 1
        mistakes.append(m)
    return w, b[0], mistakes


@replaces("train_perceptron")
def one_flat_loop(X, y, epochs=100, lr=1.0):
    """One loop over epochs times samples; the counts are 0-dim tensors, zeros first in the order."""
    n, d = X.shape
    order = torch.argsort(y.to(torch.int64), stable=True).tolist()
    theta = torch.zeros(d + 1, dtype=torch.float64, device=X.device)
    ones = torch.ones(n, 1, dtype=torch.float64, device=X.device)
    data = torch.cat((X.to(torch.float64), ones), dim=1)
    mistakes = [torch.zeros((), dtype=torch.int64, device=X.device) for _ in range(epochs)]
    for step in range(epochs * n):
        epoch, place = divmod(step, n)
        i = order[place]
        error = y[i].double() - (data[i] @ theta > 0).double()
        theta = theta + lr * error * data[i]
        mistakes[epoch] = mistakes[epoch] + (error != 0).long()
    return theta[:d], theta[d], mistakes


@replaces("train_perceptron")
def class_with_a_fit_method(X, y, epochs=100, lr=1.0):
    """A small class like those of scikit-learn; samples are visited with a stride."""

    class Perceptron:
        def __init__(self, width):
            self.w = np.zeros(width)
            self.b = 0.0

        def predict(self, x):
            return int(np.dot(self.w, x) + self.b > 0)

        def fit_epoch(self, rows, labels):
            missed = 0
            for start in (0, 1):
                for x, label in zip(rows[start::2], labels[start::2]):
                    if self.predict(x) != label:
                        self.w += lr * (2 * label - 1) * x
                        self.b += lr * (2 * label - 1)
                        missed += 1
            return missed

    rows = np.array(X.tolist(), dtype=float)
    labels = np.array(y.tolist()).astype(int)
    model = Perceptron(rows.shape[1])
    history = []
    for _ in range(epochs):
        history.append(model.fit_epoch(rows, labels))
        if history[-1] == 0:
            break
    return torch.tensor(model.w, dtype=torch.float64, device=X.device), model.b, history
