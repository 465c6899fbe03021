"""Hidden grader: the activation for a role, judged by what it does."""

import torch

from autograder.checks import close, describe, hint, is_tensor, named, weight
from tests.module6.choose_activation import probes


def how_often(answers):
    """What happened to the roles, as a student reads it."""
    return ", ".join(f"{answers.count(answer)} times {answer}" for answer in dict.fromkeys(answers))


ROLES = ["hidden", "binary_output", "multiclass_output"]


def finite(x, shape):
    """Whether x is a tensor of this shape with finite numbers only."""
    return is_tensor(x, tuple(shape)) and bool(x.isfinite().all())


def held_back(mirrored, value):
    """Whether the answers to negative inputs are much smaller than those to their mirror images."""
    return bool((mirrored.abs() < 0.7 * value).all())


def fits(student, role):
    """Whether the module does the least that its role asks."""
    if role == "hidden":
        z = torch.full((2, 2), 6.0)
        value, mirrored = student.run(probes.apply_each, role, [z, -z])
        return finite(value, (2, 2)) and finite(mirrored, (2, 2)) and held_back(mirrored, value)
    if role == "binary_output":
        return close(student.run(probes.apply, role, torch.tensor([0.0, 0.0])), [0.5, 0.5], atol=1e-4)
    rows = student.run(probes.apply, role, torch.tensor([[1.0, 2.0, 3.0], [3.0, 0.0, 0.0]]))
    return finite(rows, (2, 3)) and close(rows.sum(1), torch.ones(2), rtol=1e-4)


@weight(2)
@hint("Return an object such as nn.Identity(), with its parentheses; a function is no nn.Module.")
@describe(named(module={False: "no nn.Module"}, type="type"))
def test_module(student):
    """Each of the three roles gets an nn.Module, and nothing else is changed."""
    for role in ROLES:
        assert student.run(probes.kind, role)["module"], role
        assert not student.changed, student.changed
    assert any(fits(student, role) for role in ROLES), "modules, but none for its role"


@weight(4)
@hint(
    "A member of the ReLU family keeps rising for positive inputs and bends at 0; sigmoid and tanh flatten out."
)
@describe(named(value="values", slope="slopes"))
def test_hidden_relu_family(student, draw):
    """The hidden activation keeps rising for large positive inputs, with a gradient that lives, and
    it is not linear: negative inputs are held back."""
    z = torch.tensor([[3.0, draw.uniform(5, 9), draw.uniform(20, 40)], [80.0, 300.0, 1000.0]])
    found = student.run(probes.value_and_slope, "hidden", z)
    value, slope = found["value"], found["slope"]
    assert finite(value, z.shape) and finite(slope, z.shape)
    assert bool((slope > 0.5).all())
    assert bool((value.flatten().diff() > 0.5 * z.flatten().diff()).all())
    value, mirrored = student.run(probes.apply_each, "hidden", [2 * z, -2 * z])
    assert finite(value, z.shape) and finite(mirrored, z.shape)
    assert held_back(mirrored, value), "a straight line"


@hint("An activation works on every entry by itself and keeps the shape, whatever stands beside it.")
def test_hidden_shape(student, draw):
    """The hidden activation takes any (N, H) and treats every entry by itself."""
    z = 2 * draw.normal(4, 3)
    for shape in ((4, 3), (1, 5), (6, 1), (1, 1)):
        assert finite(student.run(probes.apply, "hidden", draw.normal(*shape)), shape)
    large = z.abs() + 3  # random leaky slopes (RReLU) concern negative inputs only
    inputs = [large, large[:1, :2].clone(), -large]
    together, first, mirrored = student.run(probes.apply_each, "hidden", inputs)
    assert is_tensor(together, (4, 3)) and close(first, together[:1, :2], rtol=1e-4, atol=1e-5)
    assert is_tensor(mirrored, (4, 3)) and held_back(mirrored, together)


@weight(2)
@hint("One number per sample becomes the probability of class 1: it rises from 0 to 1 with the input.")
def test_binary_probability(student, draw):
    """The binary output turns each pre-activation into a probability that rises with it."""
    z = torch.linspace(-4, 4, 9) + draw.uniform(-0.3, 0.3)
    p = student.run(probes.apply, "binary_output", z)
    assert finite(p, (9,)) and bool(((p >= 0) & (p <= 1)).all())
    assert bool((p.diff() > 0).all())
    ends = student.run(probes.apply, "binary_output", torch.tensor([-1000.0, -50.0, 0.0, 50.0, 1000.0]))
    assert close(ends, torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]), atol=1e-4)


@weight(2)
@hint("Softmax over the samples would share 1 among them; the samples have nothing to share.")
def test_binary_one_by_one(student, draw):
    """Each sample of the binary output has its own probability, also when there is one sample."""
    z = draw.normal(6)
    together, turned, alone = student.run(probes.apply_each, "binary_output", [z, -z, z[:1].clone()])
    assert finite(together, (6,)) and close(alone, together[:1], rtol=1e-4, atol=1e-6)
    assert close(turned, 1 - together, rtol=1e-4, atol=1e-5)


@weight(2)
@hint("Sigmoids rate each class by itself; softmax shares a probability of 1 among the classes.")
def test_multiclass_rows(student, draw):
    """Every row of the multiclass output holds probabilities that sum to 1, larger for larger inputs."""
    for n, c in ((5, 3), (3, 7), (6, 2)):
        z = 2 * draw.normal(n, c)
        p = student.run(probes.apply, "multiclass_output", z)
        assert finite(p, (n, c)) and bool((p >= 0).all())
        assert close(p.sum(1), torch.ones(n), rtol=1e-4)
        assert torch.equal(p.argsort(1), z.argsort(1))


@weight(2)
@hint("Name the dimension along which the probabilities are shared: the classes, not the samples.")
def test_multiclass_one_sample_and_square(student, draw):
    """The rows sum to 1 also for a single sample, and for as many samples as classes."""
    for n, c in ((1, draw.integer(2, 6)), (4, 4), (1, 1)):
        z = 2 * draw.normal(n, c)
        p = student.run(probes.apply, "multiclass_output", z)
        assert finite(p, (n, c)) and bool((p >= 0).all())
        assert close(p.sum(1), torch.ones(n), rtol=1e-4)
    z = 2 * draw.normal(4, 4)
    together, alone = student.run(probes.apply_each, "multiclass_output", [z, z[1:2].clone()])
    assert is_tensor(together, (4, 4)) and close(alone, together[1:2], rtol=1e-4, atol=1e-6)


@hint("PyTorch's own modules guard against exp overflowing; a formula of your own has to, too.")
def test_multiclass_large(student, draw):
    """The multiclass output stays finite and right for inputs of +1000 and -1000."""
    z = torch.tensor([[1000.0, -1000.0, draw.uniform(-2, 2)], [-1000.0, -1000.0, -1000.0]])
    p = student.run(probes.apply, "multiclass_output", z)
    want = torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert close(p, want, rtol=1e-4, atol=1e-5)


def answers_to(student, roles):
    """What the roles give, and what the three known ones give."""
    found = student.run(probes.unknown, [*roles, *ROLES])
    return found[: len(roles)], found[len(roles) :]


@weight(2)
@hint("End with raise ValueError(...): returning None or a default hides the typing mistake.")
@describe(how_often)
def test_unknown_role(student, draw):
    """Any other role raises a ValueError."""
    roles = ["output", "binary", "multiclass", "hidden_output", "", f"role_{draw.integer(0, 99)}"]
    answers, known = answers_to(student, roles)
    assert answers == ["ValueError"] * len(roles), answers
    assert "no error" in known, "every role is refused"


@weight(0.5)
@hint("Compare the role with the three names as they are, without changing its letters first.")
@describe(how_often)
def test_role_spelt_otherwise(student):
    """A role that is spelt in another way, or is no text at all, is another role: a ValueError."""
    roles = ["Hidden", "HIDDEN", "hidden ", "Binary_Output", "multiclass-output", None, 1]
    answers, known = answers_to(student, roles)
    assert answers == ["ValueError"] * len(roles), answers
    assert "no error" in known, "every role is refused"
