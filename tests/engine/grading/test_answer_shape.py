"""A check that stumbles: over an answer that no probe gives, or by its own fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from autograder.core.records import Exchange
from autograder.grading.answer_shape import forged
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
    """Hand over."""
    return names.double(torch.full((2,), x))


def sitting_of(probe: Any, answer: Any) -> GradingContext:
    """A sitting in which the probe was answered so."""
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
def test_what_the_probe_cannot_have_made_is_forged(probe: Any, answer: Any) -> None:
    assert forged(sitting_of(probe, answer))


@pytest.mark.parametrize(
    "probe, answer",
    [
        (as_dict, {"half": None, "value": "odd"}), (as_list, (1,)), (as_list, [None] * 9),
        (as_number, 7), (as_number, np.float32(1)), (as_number, torch.tensor(2.0)),
        (as_given, np.ones(2)), (as_given, [1.0, 2.0]), (as_given, torch.ones(3, 3)),
    ],
)  # fmt: skip
def test_what_another_solution_may_give_is_not(probe: Any, answer: Any) -> None:
    assert not forged(sitting_of(probe, answer))


def test_only_probes_are_looked_at() -> None:
    student = LocalProxy({"double": lambda x: None})
    assert student.double(1) is None
    assert not forged(GradingContext(student, ReferenceProxy(NAMES), 1))


def test_a_probe_that_raised_is_no_forgery() -> None:
    student = LocalProxy({})
    with pytest.raises(Raised):
        student.run(as_number, 1.0)
    assert not forged(GradingContext(student, ReferenceProxy(NAMES), 1))
    context = sitting_of(as_number, None)
    assert not forged(
        GradingContext(context.student, ReferenceProxy({}), 1)
    )  # nor where the reference raises
