"""Hidden grader: a network with one hidden layer, judged by its parameters and by what it computes.

The probes fill the two layers with drawn numbers, found by their shapes, so that any way to write
the model is measured by the same formula: W2 act(W1 x + b1) + b2.
"""

import pytest
import torch

from autograder.checks import close, describe, hint, is_tensor, named, no_verdict, weight
from tests.module6.mlp import probes


def reached(found):
    """Which parameters got a gradient, as a student reads it."""
    told = [f"{'a' if some else 'no'} gradient for a parameter of sizes {sizes}" for sizes, some in found]
    return ", ".join(told) or "no parameters"


def numbers(draw, sizes):
    """Drawn weights and biases of both layers."""
    size, hidden, classes = sizes
    return [
        draw.normal(hidden, size) / size**0.5,
        draw.normal(hidden),
        draw.normal(classes, hidden) / hidden**0.5,
        draw.normal(classes),
    ]


def some_sizes(draw):
    """(input, hidden, classes), all different, the inputs even in number."""
    return [2 * draw.integer(5, 8), draw.integer(20, 30), draw.integer(4, 7)]


def activation(student, z):
    """What the student's activation makes of the numbers z (a vector), in eval mode."""
    found = student.run(probes.hidden_values, [3, len(z), len(z) + 1], [z])
    return found[0] if is_tensor(found[0], (len(z),)) else torch.full_like(z, torch.nan)


@weight(2)
@hint("Count: one layer from the inputs to the hidden units, one from there to the classes.")
@describe(named(module={False: "no nn.Module"}, shapes="shapes of its parameters"))
def test_two_linear_layers(student, draw):
    """The model is an nn.Module with exactly two linear layers, whose weights and biases are
    registered as its parameters."""
    sizes = some_sizes(draw)
    size, hidden, classes = sizes
    found = student.run(probes.parameters, sizes)
    want = sorted([sorted([hidden, size]), [hidden], sorted([classes, hidden]), [classes]])
    assert close(found["module"], True), "no nn.Module"
    assert close(sorted(sorted(shape) for shape in found["shapes"]), want), found["shapes"]


@weight(2)
@hint("Only a ReLU (or a relative of it) stands between the layers, and nothing behind the last.")
def test_computes_logits(student, draw):
    """In eval mode the output is the logits: second layer of the activated first layer, with
    nothing behind it, each sample by itself, of shape (N, num_classes)."""
    sizes = some_sizes(draw)
    first, bias, second, last = numbers(draw, sizes)
    x = draw.normal(3, sizes[0])
    got = student.run(probes.outputs, sizes, [first, bias, second, last], [x, x[1:]], p=0.4)
    for out, rows in zip(got, (x, x[1:]), strict=True):
        hidden = torch.stack([activation(student, first @ row + bias) for row in rows])
        assert close(out, hidden @ second.t() + last, rtol=1e-3, atol=1e-4)


@weight(2)
@hint("A sigmoid or tanh flattens out, and without any activation two layers are only one.")
def test_relu_family(student, draw):
    """The activation between the layers is of the ReLU family: about straight for positive
    numbers, nearly flat for negative ones."""
    z = torch.tensor([-5.0, -0.5, 0.5, 5.0, draw.uniform(1, 4)])
    low, near_low, near, high, _ = activation(student, z).tolist()
    right, left = (high - near) / 4.5, (near_low - low) / 4.5
    assert 0.5 < right < 1.6, f"slope {right:.2f} for positive numbers"
    assert -0.3 < left < 0.6 * right, f"slope {left:.2f} for negative numbers"


def masks(student, draw, p, n, hidden):
    """Which hidden values were dropped in two forward passes; checks what the kept ones became."""
    bias = 0.5 + draw.rand(hidden)
    last = draw.normal(hidden + 1)
    sizes = [3, hidden, hidden + 1]
    rate = 0.2 if p is None else p
    act, later = activation(student, bias), activation(student, bias / (1 - rate))
    floor = activation(student, torch.zeros(hidden))
    found = []
    for out in student.run(probes.dropped, sizes, bias, last, n, p, draw.seed()):
        assert is_tensor(out, (n, hidden + 1)), "shape"
        assert close(out[:, hidden], last[hidden].expand(n), rtol=1e-4, atol=1e-5), "logits dropped"
        values = out[:, :hidden] - last[:hidden]
        gone = near(values, torch.zeros(hidden)) | near(values, floor)
        kept = near(values, act / (1 - rate)) | near(values, later)
        assert bool((gone | kept).all()), "values neither dropped nor kept and scaled"
        found.append(gone)
    return found


def near(values, wanted):
    """Where each row agrees with what is wanted."""
    return (values - wanted).abs() <= 1e-4 + 1e-4 * wanted.abs()


@weight(2)
@hint("nn.Dropout(p) drops with probability p and multiplies what it keeps by 1 / (1 - p).")
@pytest.mark.parametrize("p", ["given", "default"])
def test_dropout_rate(student, draw, p):
    """In training mode each hidden value is dropped with probability p (0.2 when no p is given, and
    none for p = 0); the kept ones are scaled up; inputs and logits are never dropped."""
    n, hidden = 240, 61
    for rate in [None] if p == "default" else [draw.uniform(0.6, 0.8), draw.uniform(0.25, 0.4)]:
        first, second = masks(student, draw, rate, n, hidden)
        wanted = 0.2 if rate is None else rate
        share = torch.cat([first, second]).double().mean().item()
        # 6 standard deviations: a right solution fails once in 500 million.
        allowed = 6 * (wanted * (1 - wanted) / (2 * n * hidden)) ** 0.5
        assert abs(share - wanted) < allowed, f"share {share:.3f}"
    if p == "given":
        sizes = some_sizes(draw)
        given, x = numbers(draw, sizes), draw.normal(5, sizes[0])
        given[1] = given[1] + 12  # all hidden values positive: RReLU is random for negative ones
        plain = student.run(probes.outputs, sizes, given, [x], p=0.0)
        zero = student.run(probes.outputs, sizes, given, [x], p=0.0, training=True, grad=True)
        assert is_tensor(plain[0], (5, sizes[2])) and close(zero, plain, rtol=1e-4, atol=1e-4), "p = 0"


@hint("One mask for each forward pass, with an entry of its own for each sample and each unit.")
def test_dropout_independent(student, draw):
    """Hidden values are dropped independently of each other, anew in each forward pass."""
    n, hidden, p = 180, 181, 0.2
    first, second = masks(student, draw, p, n, hidden)
    for gone in (first, second):
        by_sample, by_unit = gone.sum(1), gone.sum(0)
        # Beyond these bounds lies less than 1e-9 of what independent draws give.
        assert int(by_sample.min()) >= 4 and int(by_sample.max()) <= hidden - 4, "whole samples"
        assert int(by_unit.min()) >= 4 and int(by_unit.max()) <= n - 4, "whole units"
    same = (first == second).double().mean().item()
    assert abs(same - p**2 - (1 - p) ** 2) < 0.05, "the same mask again"


@weight(2)
@hint("A registered nn.Dropout follows train() and eval(); F.dropout has to be told self.training.")
def test_dropout_off(student, draw):
    """Dropout does nothing in eval mode, under no_grad() or not."""
    sizes = some_sizes(draw)
    given, x = numbers(draw, sizes), draw.normal(5, sizes[0])
    plain, again = student.run(probes.outputs, sizes, given, [x, x], p=0.5, grad=True)
    assert is_tensor(plain, (5, sizes[2])) and close(again, plain, rtol=1e-4, atol=1e-5), "eval"
    quiet = student.run(probes.outputs, sizes, given, [x], p=0.5)
    assert close(quiet[0], plain, rtol=1e-4, atol=1e-5), "eval under no_grad()"


@weight(2)
@hint("x.flatten(1) keeps the samples apart, whatever the layout in memory; view does not bear all.")
@describe(named())
def test_flattens(student, draw):
    """Inputs of shape (N, ...) are flattened sample by sample, contiguous in memory or not."""
    sizes = some_sizes(draw)
    x = draw.normal(4, sizes[0])
    found = student.run(probes.layouts, sizes, x, draw.seed())
    assert is_tensor(found["flat"], (4, sizes[2]))
    for name, out in found.items():
        rows = 2 if name == "fewer" else 4
        want = found["flat"][:1].expand(4, -1) if name == "expanded" else found["flat"][:rows]
        assert close(out, want, rtol=1e-4, atol=1e-5), name


@hint("squeeze() removes every dimension of size 1, the batch's too; batch norm refuses one sample.")
@describe(named(alone="one sample", image="as an image", training="in training", together="five samples"))
def test_small_shapes(student, draw):
    """The logits have shape (N, num_classes) also for one sample and for one class."""
    size = 2 * draw.integer(2, 4)
    for classes in (1, 3):
        found = student.run(probes.single, [size, 9, classes], draw.normal(5, size), draw.seed())
        for name, out in found.items():
            assert is_tensor(out, (5 if name == "together" else 1, classes)), name
        for name in ("alone", "image"):
            assert close(found[name], found["together"][:1], rtol=1e-4, atol=1e-5), name


@weight(2)
@hint("Let the samples be counted by x.shape[0], never by view(-1, input_size).")
def test_wrong_width(student, draw):
    """Samples of another width than input_size raise an error; they are never cut up anew."""
    sizes = some_sizes(draw)
    size = sizes[0]
    shapes = [(4, 2 * size), (4, size // 2), (3, size + 1), (size, 3), (2, 2, size), (2, size, 3)]
    for shape in shapes:
        found = student.run(probes.wrong_width, sizes, draw.normal(*shape), shape[0] == 4)
        assert close(found, "raised"), shape


@hint("Make the layers in __init__, for each instance anew, and nothing of the graph is cut.")
@describe(reached)
def test_trains(student, draw):
    """A fresh model can be trained: gradients reach the weights and biases of both layers."""
    sizes = some_sizes(draw)
    size, hidden, classes = sizes
    x, y = draw.normal(32, size), draw.labels(32, classes)
    found = student.run(probes.gradients, sizes, x, y, draw.seed())
    for shape in ([size, hidden], [hidden], [classes, hidden], [classes]):
        assert any(close(got, shape) and reached is True for got, reached in found), (shape, found)


@hint("Layers belong to the instance: self.… = nn.Linear(…) inside __init__.")
@describe(named(before="at first", after="after the other was changed", loaded="of the copy"))
def test_instances(student, draw):
    """Instances share nothing, whatever their sizes, and the state_dict of one makes another compute
    the same."""
    sizes = some_sizes(draw)
    found = student.run(probes.twins, sizes, draw.normal(4, sizes[0]), draw.seed())
    assert is_tensor(found["before"], (4, sizes[2])), "no logits"
    assert close(found["after"], found["before"], rtol=1e-4, atol=1e-5), "shared parameters"
    assert close(found["loaded"], found["before"], rtol=1e-4, atol=1e-5), "state_dict"


@hint("No manual_seed anywhere in the model: whoever wants the same numbers again seeds outside.")
@describe(named(drawn="drawn after the seeds", quiet={False: "eval mode draws random numbers"}))
def test_randomness(student, draw):
    """The model never seeds the global generator, draws nothing in eval mode, and leaves its
    input as it was."""
    sizes = some_sizes(draw)
    x = draw.normal(6, sizes[0])
    found = student.run(probes.after_seeds, sizes, x, [draw.seed(), draw.seed()])
    assert not close(found["drawn"][0], found["drawn"][1]), "seeded"
    assert close(found["quiet"], True), "eval draws random numbers"
    for training in (True, False):
        assert student.run(probes.input_kept, sizes, x, training) == [6, sizes[2]], "no logits"
        assert not student.changed, student.changed


@hint("Make new tensors from those you have (rand_like, new_zeros), so that they live beside them.")
def test_device(student, draw, device):
    """The model works, in both modes, on the device that it is moved to."""
    sizes = some_sizes(draw)
    found = student.run(probes.on_device, sizes, draw.normal(6, sizes[0]), device)
    if found["limit"]:
        no_verdict("the pretended device came to its limit")
    assert found["error"] not in ("mixed", "numpy"), found["error"]
    if found["error"]:
        assert found["home"] is None, f"raises on the CPU too: {found['home']}"
        no_verdict(f"the other device answered {found['error']}")
    assert close(found["value"]["there"], True)
