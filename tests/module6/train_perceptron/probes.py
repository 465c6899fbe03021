"""Questions about train_perceptron that need more than one plain call."""


def twice(nb, X, y, epochs, lr):
    """train_perceptron(X, y, {epochs}, {lr}), called twice"""
    return [nb.train_perceptron(X.clone(), y.clone(), epochs, lr) for _ in range(2)]
