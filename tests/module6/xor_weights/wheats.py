"""Right but unusual weights for XOR."""

import numpy as np
import torch

from autograder.samples import replaces


@replaces("xor_weights")
def whole_numbers():
    """Integer tensors and an int: 2 relu(s) - 4 relu(s - 1) - 1 for the sum s of the inputs."""
    W1 = torch.tensor([[1, 1], [1, 1]])
    b1 = torch.tensor([0, -1])
    w2 = torch.tensor([2, -4])
    return W1, b1, w2, -1


@replaces("xor_weights")
def numpy_absolute_difference():
    """NumPy arrays; the score is |x1 - x2| - 1/2 as the sum of two ReLUs."""
    W1 = np.array([[1.0, -1.0], [-1.0, 1.0]])
    return W1, np.zeros(2), np.ones(2), np.float64(-0.5)


@replaces("xor_weights")
def xnor_taken_away():
    """Both hidden units detect equal inputs; the output subtracts them. The bias is a 0-dim tensor."""
    W1 = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    b1 = torch.tensor([-1.0, 1.0])
    w2 = torch.tensor([-1.0, -1.0])
    return W1, b1, w2, torch.tensor(0.5)


@replaces("xor_weights")
def narrow_margin():
    """Scores of plus and minus 0.002 only, in double precision."""
    kind = {"dtype": torch.float64}
    W1 = torch.ones(2, 2, **kind)
    b1 = torch.tensor([0.0, -1.0], **kind)
    w2 = torch.tensor([0.004, -0.008], **kind)
    return W1, b1, w2, -0.002


@replaces("xor_weights")
def solves_for_the_output():
    """Hidden units by hand, the output layer by least squares for scores of -1 and 1."""
    X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    goal = torch.tensor([-1.0, 1.0, 1.0, -1.0], dtype=torch.float64)
    W1 = torch.tensor([[3.0, -1.0], [-1.0, 2.0]], dtype=torch.float64)
    b1 = torch.zeros(2, dtype=torch.float64)
    # equal inputs: make the two units respond alike
    W1[0, 1] = -3.0
    W1[1, 0] = -2.0
    hidden = torch.relu(X @ W1.T + b1)
    A = torch.cat([hidden, torch.ones(4, 1, dtype=torch.float64)], dim=1)
    solution = torch.linalg.lstsq(A, goal[:, None]).solution[:, 0]
    return W1, b1, solution[:2], solution[2].item()


@replaces("xor_weights")
def trained_from_a_fixed_start():
    """Gradient descent from fixed numbers near a solution, detached at the end."""
    X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([0.0, 1.0, 1.0, 0.0])
    parameters = [
        torch.tensor([[0.9, 1.1], [0.8, 0.7]], requires_grad=True),
        torch.tensor([0.1, -0.6], requires_grad=True),
        torch.tensor([1.2, -1.5], requires_grad=True),
        torch.tensor(-0.1, requires_grad=True),
    ]
    with torch.enable_grad():
        for _ in range(120):
            W1, b1, w2, b2 = parameters
            score = torch.relu(X @ W1.T + b1) @ w2 + b2
            loss = torch.nn.functional.binary_cross_entropy_with_logits(score, y)
            grads = torch.autograd.grad(loss, parameters)
            parameters = [(p - 0.5 * g).detach().requires_grad_() for p, g in zip(parameters, grads)]
    W1, b1, w2, b2 = (p.detach() for p in parameters)
    return W1, b1, w2, b2


@replaces("xor_weights")
def very_large_weights():
    """Scores of a million, in NumPy single precision."""
    W1 = np.full((2, 2), 1000.0, dtype=np.float32)
    b1 = np.array([0.0, -1000.0], dtype=np.float32)
    w2 = np.array([2000.0, -4000.0], dtype=np.float32)
    return W1, b1, w2, np.float32(-1e6)


@replaces("xor_weights")
def found_by_private_search():
    """Random search over small integers with a generator of its own."""
    rng = np.random.default_rng(7)
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    wanted = X[:, 0] != X[:, 1]
    while True:
        W1, b1 = rng.integers(-1, 2, size=(2, 2)), rng.integers(-1, 2, size=2)
        w2, b2 = rng.integers(-2, 3, size=2), int(rng.integers(-1, 2))
        score = np.maximum(X @ W1.T + b1, 0) @ w2 + b2
        if score.all() and ((score > 0) == wanted).all():
            break
    return torch.tensor(W1).float(), torch.tensor(b1).float(), torch.tensor(w2).float(), b2


@replaces("xor_weights")
def lopsided_difference():
    """Two different slopes for the two ways to differ; W1 is not symmetric."""
    W1 = torch.zeros(2, 2)
    W1[0] = torch.tensor([1.0, -1.0])
    W1[1] = torch.tensor([-4.0, 3.0])
    b1 = torch.tensor([0.0, 0.5])
    return W1, b1, torch.Tensor([5.0, 2.0]), -2.0
