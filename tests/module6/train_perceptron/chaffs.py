"""Wrong ways to train a perceptron, each from a mistake that students make."""

import torch

from autograder.samples import replaces


@replaces("train_perceptron")
def fires_at_zero(X, y, epochs=100, lr=1.0):
    """The unit fires only when its score is above zero; here a score of exactly zero, which is where
    training starts, already counts as class 1."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b >= 0)
            w = w + lr * error * x
            b += lr * error
            wrong += error != 0
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def threshold_of_one(X, y, epochs=100, lr=1.0):
    """The unit fires as soon as its score is above 0; here it has to be above 1, which with a small
    learning rate takes many more corrections."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 1)
            w = w + lr * error * x
            b += lr * error
            wrong += error != 0
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def bias_never_learns(X, y, epochs=100, lr=1.0):
    """The bias is a weight too, on an input that is always 1; here it stays at 0, so the boundary
    always goes through the origin."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            if error != 0:
                w = w + lr * error * x
                wrong += 1
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def learns_from_ones_only(X, y, epochs=100, lr=1.0):
    """The correction is multiplied by the label instead of the error; with labels 0 and 1 a false
    alarm then changes nothing."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            if float((w @ x).item() + b > 0) != t.item():
                w = w + lr * t * x
                b += lr * t.item()
                wrong += 1
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def walks_the_wrong_way(X, y, epochs=100, lr=1.0):
    """The error is prediction minus label, yet it is added: each correction moves the boundary away
    from the sample that was missed."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = float((w @ x).item() + b > 0) - t.item()
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def corrects_by_the_raw_score(X, y, epochs=100, lr=1.0):
    """The error is the label minus the score; Rosenblatt's rule takes the label minus the prediction
    and leaves a sample that is on the right side alone."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            score = (w @ x).item() + b
            wrong += int(float(score > 0) != t.item())
            w = w + lr * (t.item() - score) * x
            b += lr * (t.item() - score)
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def errors_cancel_out(X, y, epochs=100, lr=1.0):
    """A missed 1 counts +1 and a false alarm -1, so they cancel; an epoch with as many of each looks
    perfect and training stops."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        total = 0
        for x, t in zip(X, y):
            error = int(t.item()) - int((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            total += error
        mistakes.append(abs(total))
        if total == 0:
            break
    return w, b, mistakes


@replaces("train_perceptron")
def epoch_ends_at_first_mistake(X, y, epochs=100, lr=1.0):
    """An epoch goes through all samples; here it ends with the first mistake, so no epoch ever counts
    more than one."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            if error != 0:
                w = w + lr * error * x
                b += lr * error
                wrong = 1
                break
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def counts_run_on(X, y, epochs=100, lr=1.0):
    """The counter is not set back at the start of an epoch, so each entry holds all mistakes up to
    then instead of those of its own epoch."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    wrong = 0
    for _ in range(epochs):
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def gives_up_on_a_plateau(X, y, epochs=100, lr=1.0):
    """The number of mistakes may stay level or rise for some epochs before it reaches zero; only an
    epoch without a mistake is a reason to stop early."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0 or (len(mistakes) > 1 and mistakes[-1] >= mistakes[-2]):
            break
    return w, b, mistakes


@replaces("train_perceptron")
def weights_for_scaled_inputs(X, y, epochs=100, lr=1.0):
    """The weights were learned on standardised inputs and belong to those; they do not separate the
    inputs that were given."""
    y = y.double()
    X = X.double()
    X = (X - X.mean(dim=0)) / (X.std(dim=0, unbiased=False) + 1e-8)
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


@replaces("train_perceptron")
def rate_for_the_bias_only(X, y, epochs=100, lr=1.0):
    """The learning rate scales the whole correction, the weights' part too; here it is left out for
    the weights, which shows only when it is not 1."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def history_shared_by_calls(X, y, epochs=100, lr=1.0, mistakes=[]):  # noqa: B006
    """A list as a default argument is made once and kept: the second training still holds the counts
    of the first."""
    X, y = X.double(), y.double()
    w, b = X.new_zeros(X.shape[1]), 0.0
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


@replaces("train_perceptron")
def relabels_the_caller(X, y, epochs=100, lr=1.0):
    """The labels are rewritten to -1/+1 inside the caller's own tensor; the caller's data set is not
    the same afterwards. Work on a copy."""
    X = X.double()
    y[y == 0] = -1
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            guess = 1 if (w @ x).item() + b > 0 else -1
            if guess != int(t):
                w = w + lr * int(t) * x
                b += lr * int(t)
                wrong += 1
        mistakes.append(wrong)
    return w, b, mistakes


@replaces("train_perceptron")
def labels_look_up_their_signs(X, y, epochs=100, lr=1.0):
    """Each label picks its sign from a list, which works for whole numbers only; labels may also come as
    the floats 0.0 and 1.0."""
    X = X.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            sign = [-1.0, 1.0][t]
            if ((w @ x).item() + b > 0) != (sign > 0):
                w = w + lr * sign * x
                b += lr * sign
                wrong += 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


@replaces("train_perceptron")
def rate_shrinks(X, y, epochs=100, lr=1.0):
    """The learning rate is made a little smaller after every epoch; Rosenblatt's rule moves w and b by the
    same `lr` after every mistake, early or late."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        lr = 0.99 * lr
    return w, b, mistakes


@replaces("train_perceptron")
def loses_patience(X, y, epochs=100, lr=1.0):
    """Training ends after ten epochs without a new lowest count; the only reason to stop before the last
    epoch is one without a mistake."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0 or len(mistakes) - mistakes.index(min(mistakes)) > 10:
            break
    return w, b, mistakes


@replaces("train_perceptron")
def squeezes_the_weights(X, y, epochs=100, lr=1.0):
    """w is a column while it learns, and squeeze() drops every axis of length 1; with a single input no
    axis is left, and w is no longer a vector of one entry."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1], 1), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((x @ w).item() + b > 0)
            w = w + lr * error * x.unsqueeze(1)
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w.squeeze(), b, mistakes


# hard to catch
@replaces("train_perceptron")
def clean_epoch_not_recorded(X, y, epochs=100, lr=1.0):
    """Training may stop after an epoch without a mistake, but that epoch was run too and its 0
    belongs in the list."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, t in zip(X, y):
            error = t.item() - float((w @ x).item() + b > 0)
            w = w + lr * error * x
            b += lr * error
            wrong += int(error != 0)
        if wrong == 0:
            break
        mistakes.append(wrong)
    return w, b, mistakes


# hard to catch
@replaces("train_perceptron")
def zero_score_always_wrong(X, y, epochs=100, lr=1.0):
    """With labels -1/+1 a score of zero counts here as a mistake for both classes; the rule predicts
    class 0 there, so a sample of class 0 was right and needs no correction."""
    X = X.double()
    signs = 2 * y.double() - 1
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for x, s in zip(X, signs):
            if s.item() * ((w @ x).item() + b) <= 0:
                w = w + lr * s * x
                b += lr * s.item()
                wrong += 1
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes


# hard to catch
@replaces("train_perceptron")
def shuffles_with_the_global_generator(X, y, epochs=100, lr=1.0):
    """Shuffling is allowed, but it draws here from the global generator, which changes every random
    number after it in the notebook; a generator of its own does not."""
    X, y = X.double(), y.double()
    w, b, mistakes = X.new_zeros(X.shape[1]), 0.0, []
    for _ in range(epochs):
        wrong = 0
        for i in torch.randperm(len(X)).tolist():
            error = y[i].item() - float((w @ X[i]).item() + b > 0)
            w = w + lr * error * X[i]
            b += lr * error
            wrong += int(error != 0)
        mistakes.append(wrong)
        if wrong == 0:
            break
    return w, b, mistakes
