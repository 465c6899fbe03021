"""Why a check crashes: an answer that its probe cannot give, or a bug of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from autograder.core.records import Exchange
from autograder.grading.answer_shape import has_forged_answer
from autograder.grading.context import GradingContext
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import LocalProxy, Raised

NAMES: dict[str, Any] = {"double": lambda x: 2 * x, "halve": lambda x: x / 2}


def as_dict(names: Any, x: float) -> dict[str, float]:
    """Measure."""
    return {"value": names.double(x), "half": names.halve(x)}


def as_list(names: Any, x: float) -> list[float]:
    """List."""
    return [names.double(x), x]


def as_number(names: Any, x: float) -> float:
    """Count."""
    return float(names.double(x))


def as_given(names: Any, x: float) -> Any:
    """Return what came."""
    return names.double(torch.full((2,), x))


def context_with(probe: Any, answer: Any) -> GradingContext:
    """A context in which the probe got this answer."""
    student, reference = LocalProxy(NAMES), ReferenceProxy(NAMES)
    student.run(probe, 1.5)
    student.exchanges[-1] = Exchange(answer)
    return GradingContext(student, reference, 1)


@pytest.mark.parametrize(
    "probe, answer",
    [
        (as_dict, None), (as_dict, 3), (as_dict, {}), (as_dict, {"value": 1}), (as_dict, [("value", 1)]),
        (as_list, None), (as_list, {}), (as_list, 1.0), (as_list, "12"),
        (as_number, None), (as_number, [1]), (as_number, True), (as_number, "3"),
        (as_given, None), (as_given, 3.0),
    ],
)  # fmt: skip
def test_an_answer_that_the_probe_cannot_build_is_forged(probe: Any, answer: Any) -> None:
    assert has_forged_answer(context_with(probe, answer))


@pytest.mark.parametrize(
    "probe, answer",
    [
        (as_dict, {"half": None, "value": "odd"}), (as_list, (1,)), (as_list, [None] * 9),
        (as_number, 7), (as_number, np.float32(1)), (as_number, torch.tensor(2.0)),
        (as_given, np.ones(2)), (as_given, [1.0, 2.0]), (as_given, torch.ones(3, 3)),
    ],
)  # fmt: skip
def test_an_answer_that_another_solution_may_give_is_not_forged(probe: Any, answer: Any) -> None:
    assert not has_forged_answer(context_with(probe, answer))


def test_only_answers_of_probes_are_judged() -> None:
    student = LocalProxy({"double": lambda x: None})
    assert student.double(1) is None
    assert not has_forged_answer(GradingContext(student, ReferenceProxy(NAMES), 1))


def test_a_probe_that_raised_is_not_forged() -> None:
    student = LocalProxy({})
    with pytest.raises(Raised):
        student.run(as_number, 1.0)
    assert not has_forged_answer(GradingContext(student, ReferenceProxy(NAMES), 1))
    context = context_with(as_number, None)
    reference_raises = GradingContext(context.student, ReferenceProxy({}), 1)
    assert not has_forged_answer(reference_raises)
