"""Wrong weights for XOR, each from a mistake that students make."""

import numpy as np
import torch

from autograder.samples import replaces


@replaces("xor_weights")
def computes_or():
    """The second unit takes off too little where both inputs are 1: this is OR. XOR must come out
    negative there."""
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, -1.0])
    w2 = torch.tensor([1.0, -1.0])
    return W1, b1, w2, -0.5


@replaces("xor_weights")
def computes_equality():
    """The score is positive where the inputs are equal; XOR asks where they differ."""
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    return W1, torch.zeros(2), torch.tensor([-1.0, -1.0]), 0.5


@replaces("xor_weights")
def thinks_of_step_units():
    """OR, NAND and then AND work with units that answer 0 or 1; a ReLU passes on how far above zero
    it is, so the last layer needs other numbers."""
    W1 = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    b1 = torch.tensor([-0.5, 1.5])
    w2 = torch.tensor([1.0, 1.0])
    return W1, b1, w2, -1.5


@replaces("xor_weights")
def leaves_zeros_as_scores():
    """Where XOR is 0 the score is exactly 0, on the boundary itself; it should be clearly below."""
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, -1.0])
    w2 = torch.tensor([1.0, -2.0])
    return W1, b1, w2, 0.0


@replaces("xor_weights")
def inputs_are_columns_of_w1():
    """Each row of W1 belongs to one hidden unit, because the layer computes W1 x; here each column
    does."""
    W1 = torch.tensor([[1.0, -1.0], [1.0, -1.0]])
    b1 = torch.tensor([-1.0, 1.0])
    w2 = torch.tensor([-1.0, -1.0])
    return W1, b1, w2, 0.5


@replaces("xor_weights")
def weights_before_biases():
    """The order asked for is W1, b1, w2, b2; here both weights come before both biases."""
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, -1.0])
    w2 = torch.tensor([1.0, -2.0])
    return W1, w2, b1, -0.5


@replaces("xor_weights")
def thresholds_for_biases():
    """The bias is added, so a unit that should start at 1 needs a negative one; this is the threshold
    with its own sign."""
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, 1.0])
    w2 = torch.tensor([1.0, -2.0])
    return W1, b1, w2, -0.5


@replaces("xor_weights")
def inputs_of_minus_one():
    """These weights solve XOR for inputs coded -1 and +1; the inputs here are 0 and 1."""
    W1 = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    b1 = torch.tensor([0.0, 0.0])
    w2 = torch.tensor([-1.0, -1.0])
    return W1, b1, w2, 1.0


@replaces("xor_weights")
def boundary_at_one_half():
    """The scores are close to 0 and 1, made to be cut at one half like probabilities; a score is cut
    at zero."""
    W1 = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    return W1, torch.zeros(2), torch.tensor([0.8, 0.8]), 0.1


@replaces("xor_weights")
def three_hidden_units():
    """Two hidden units are enough and are asked for; this network has three."""
    W1 = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, 0.0, -1.0])
    w2 = torch.tensor([1.0, 1.0, -2.0])
    return W1, b1, w2, -0.5


@replaces("xor_weights")
def w2_as_a_layer_has_it():
    """The numbers are right, but w2 is the matrix that a linear layer with one output has, of shape
    (1, 2); asked for is the vector of shape (2,)."""
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, -1.0])
    w2 = torch.tensor([[1.0, -2.0]])
    return W1, b1, w2, -0.5


@replaces("xor_weights")
def forgets_one_hidden_bias():
    """Without its bias the second unit answers like the first, and the network is no better than a
    single line."""
    return np.ones((2, 2)), np.zeros(2), np.array([2.0, -1.5]), np.float64(-0.25)


@replaces("xor_weights")
def random_start_each_time():
    """Two hidden units often get stuck, so training from a random start is a gamble; it also uses up
    global random numbers in a function that needs none."""
    X = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([0.0, 1.0, 1.0, 0.0])
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU(), torch.nn.Linear(2, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        score = net(X).squeeze(1)
        torch.nn.functional.binary_cross_entropy_with_logits(score, y).backward()
        optimizer.step()
    hidden, out = net[0], net[2]
    return hidden.weight.data, hidden.bias.data, out.weight.data[0], out.bias.item()


# hard to catch
@replaces("xor_weights")
def hair_thin_margin():
    """All signs are right, but the scores are within 0.001 of the boundary, where rounding could
    turn them over."""
    W1 = torch.tensor([[0.05, 0.05], [0.05, 0.05]])
    b1 = torch.tensor([0.0, -0.05])
    w2 = torch.tensor([0.03, -0.06])
    return W1, b1, w2, -0.00075


# hard to catch
@replaces("xor_weights")
def bias_still_in_a_graph():
    """The last bias was computed from weights that are being trained and still drags that graph
    along; a plain number was asked for."""
    W1 = torch.tensor([[1.0, 1.0], [1.0, 1.0]])
    b1 = torch.tensor([0.0, -1.0])
    w2 = torch.tensor([1.0, -2.0], requires_grad=True)
    b2 = -w2[0] / 2
    return W1, b1, w2.detach(), b2


# hard to catch
@replaces("xor_weights")
def seeds_the_notebook():
    """The weights are right, but to find them again the global generator is seeded, so everything
    random that comes after repeats itself."""
    torch.manual_seed(0)
    W1 = torch.ones(2, 2)
    b1 = torch.tensor([0.0, -1.0])
    scale = 1 + torch.rand(1).item()
    w2 = scale * torch.tensor([1.0, -2.0])
    return W1, b1, w2, -0.5 * scale
