"""Hidden grader: the curves of lr_sweep against the reference's, from weights that both sides draw alike."""

import math

import torch

from autograder.checks import close, describe, hint, number, sequence, show, weight
from tests.module6.lr_sweep import probes


def the_curves(found):
    """The losses by learning rate, as a student reads them."""
    curves = found["curves"]
    more = f"; {found['entries']} entries in all" if found["entries"] != len(curves) else ""
    return "; ".join(f"rate {show(lr)}: {show(losses)}" for lr, losses in curves.items()) + more


pytestmark = describe(the_curves)


def task(draw, n=9, d=3, outputs=(1,), **more):
    """Arguments of the probe: drawn data, and targets that the data explain in part."""
    X = draw.normal(n, d)
    y = X.mean(1).reshape(n, *[1] * len(outputs)) + draw.normal(n, *outputs)
    return {"X": X, "y": y, "lrs": [draw.uniform(0.05, 0.15)], "steps": 7, **more}


def curves(found):
    """The curves by rate, or None when there are not exactly the rates that were asked for."""
    if not isinstance(found, dict) or found.get("entries") != len(found.get("curves", ())):
        return None
    return found["curves"]


def same(got, want, rtol=1e-3, atol=0.0):
    """Whether each rate, and no other, has the same losses."""
    return close(curves(got), curves(want), rtol=rtol, atol=atol)


@weight(6)
@hint(
    "Inside the loop over the rates: seed, then make_model(), then an optimizer for this model. For each step: "
    "take the mean squared error on all of X, note it, clear the gradients, step."
)
def test_losses(student, reference, draw):
    """The losses are those before each step of plain gradient descent on all of the data, and every rate
    begins with a model of its own, all of these with the same weights."""
    rates = [0.01 * draw.uniform(1, 2), 0.05 * draw.uniform(1, 2), 0.2 * draw.uniform(1, 2)]
    for lrs in (rates[1:2], draw.shuffled(rates)):
        given = task(draw, lrs=lrs, steps=8)
        got = student.run(probes.swept, **given)
        assert same(got, reference.run(probes.swept, **given))


@weight(2)
@hint("Call torch.manual_seed with the seed you were given, right before make_model().")
def test_seed(student, reference, draw):
    """Another seed means other first weights, the same ones whenever it is passed."""
    given = task(draw)
    for seed in (draw.seed(), draw.integer(1, 99)):
        got = student.run(probes.swept, **given, seed=seed)
        assert same(got, reference.run(probes.swept, **given, seed=seed))


def kind(x):
    """Whether a number is finite, inf (a whole number beyond all floats, too) or nan."""
    try:
        return "nan" if math.isnan(x) else "inf" if math.isinf(x) else "finite"
    except OverflowError:
        return "inf"


def as_it_came(got, want):
    """Whether a diverging curve agrees: the numbers while they last, then inf, then nan.

    At which step a sum overflows may depend on the order of adding, hence the gaps at the borders.
    """
    found = [number(x) for x in sequence(got) or []]
    if None in found or len(found) != len(want):
        return False
    kinds = [kind(x) for x in want]
    inner = [i for i in range(len(want)) if len(set(kinds[max(i - 1, 0) : i + 2])) == 1]
    # In double precision the numbers last longer.
    return all(close(found[i], want[i], rtol=1e-2) or beyond_float32(found[i], want[i]) for i in inner)


def beyond_float32(got, want):
    """Whether a number that float32 cannot hold stands where float32 has inf or nan."""
    return kind(want) != "finite" and kind(got) == "finite" and abs(got) > torch.finfo(torch.float32).max


@weight(3)
@hint("Note every loss, whatever it is: no break, no clipping, no other number for inf or nan.")
def test_divergence(student, reference, draw):
    """A run that diverges is written down to the end, inf and nan as they come, and the next rate
    has its turn all the same."""
    wild, calm = draw.uniform(100, 200), draw.uniform(0.02, 0.05)
    given = task(draw, kind="line", lrs=[wild, calm], steps=28)
    got = curves(student.run(probes.swept, **given))
    want = curves(reference.run(probes.swept, **given))
    assert got is not None and got.keys() == want.keys(), "rates"
    assert as_it_came(got[wild], want[wild]), "diverging"
    others = [number(x) for x in sequence(got[calm]) or []]
    assert len(others) == len(want[calm]), "the other rate"
    assert all(x is not None and kind(x) == "finite" for x in others), "the other rate"


@hint("The loss is noted before the step, so `steps` steps give `steps` losses, no more and no less.")
def test_number_of_steps(student, reference, draw):
    """There are exactly as many losses as steps: one for a single step, none for none."""
    for steps, lrs in ((1, (1,)), (0, [0.1, 0.2]), (2, [draw.uniform(0.1, 0.2)])):
        given = task(draw, n=4, d=1, lrs=lrs, steps=steps)
        got = student.run(probes.swept, **given)
        assert same(got, reference.run(probes.swept, **given)), steps


SHAPES = {"flat": (), "two outputs": (2,)}


@weight(1.5)
@hint("Hand model(X) and y to the loss as they are; their mean runs over all numbers.")
def test_shapes(student, reference, draw):
    """Outputs and targets may have another shape than one column, (n,) or (n, 2), and be doubles."""
    for form, outputs in SHAPES.items():
        given = task(draw, outputs=outputs, kind=form)
        given |= {"X": given["X"].double(), "y": given["y"].double()}
        got = student.run(probes.swept, **given)
        assert same(got, reference.run(probes.swept, **given)), form


@hint("Neither round a loss nor stop because it looks small: what is small depends on the targets.")
def test_small_losses(student, reference, draw):
    """Losses may be tiny; they are noted as they are, to the last step."""
    given = task(draw, kind="line")
    given |= {"X": 1e-5 * given["X"], "y": 1e-5 * given["y"], "lrs": [0.3], "steps": 20}
    got = student.run(probes.swept, **given)
    assert same(got, reference.run(probes.swept, **given))


@hint("No eval(), no forward pass but those of the steps, and a seed and a new model for each rate.")
def test_dropout(student, reference, draw):
    """With dropout, too, each run is the one that follows when the seed is set and the model is made:
    in training mode, with the random numbers that come next."""
    given = task(draw, kind="dropout", lrs=[0.02, 0.06])
    got = student.run(probes.swept, **given)
    assert same(got, reference.run(probes.swept, **given))


@weight(0.5)
@hint("Standardizing in place, X -= X.mean(), and the like reach the caller's tensors.")
def test_leaves_no_trace(student, reference, draw):
    """X and y are left as they were, and so is everything but the global random generator of torch."""
    given = task(draw)
    got = student.run(probes.swept, **given)
    traces = [word for word in student.changed if word != "torch random state"]
    assert not traces, traces
    # Who does nothing leaves no trace either, and earns nothing by it.
    assert same(got, reference.run(probes.swept, **given)), "losses"
