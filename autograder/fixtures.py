"""The pytest fixtures of a hidden grader: student, reference, draw, device.

They speak for the sitting under way. In a plain `pytest tests/module6`, where no submission is named,
the reference solution sits the exam, in a student's process of its own: the graders' self-test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.draw import Draw, derived_seed
from autograder.sides import Side


@dataclass(frozen=True)
class Sitting:
    """One submission's exercise in front of its grader."""

    student: Side
    reference: Side
    seed: int
    device: str = "cpu"

    def fixtures(self, exercise: str, check: str) -> dict[str, Any]:
        """What a check of this name may ask for."""
        return {
            "student": self.student,
            "reference": self.reference,
            "draw": Draw(derived_seed(self.seed, "draw", exercise, check)),
            "device": self.device,
        }


class Sittings:
    """Holds the sitting that the fixtures speak for; one grader process has one at a time."""

    current: Sitting | None = None


@cache
def exercise_of(item: pytest.Item) -> str:
    """The exercise an item belongs to: the name of its folder."""
    return Path(str(item.path)).parent.name


@pytest.fixture
def sitting(request: pytest.FixtureRequest) -> Iterator[Sitting]:
    if Sittings.current is not None:
        yield Sittings.current
        return
    from autograder.selftest import reference_sitting

    with reference_sitting(request.node) as sitting:
        yield sitting


@pytest.fixture
def student(sitting: Sitting) -> Side:
    """The notebook being graded."""
    return sitting.student


@pytest.fixture
def reference(sitting: Sitting) -> Side:
    """The reference solution."""
    return sitting.reference


@pytest.fixture
def draw(sitting: Sitting, request: pytest.FixtureRequest) -> Draw:
    """Random inputs, the same for every submission of a run."""
    made: Draw = sitting.fixtures(exercise_of(request.node), request.node.name)["draw"]
    return made


@pytest.fixture
def device(sitting: Sitting) -> str:
    """The device of the run, "cpu" or "cuda"."""
    return sitting.device


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "weight(amount): how much a check counts in its exercise")
    config.addinivalue_line("markers", "hint(text): one sentence shown when the check fails")
