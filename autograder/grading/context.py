"""What a check works with: the student's notebook, the reference, random inputs and the device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.grading.draw import Draw, derived_seed
from autograder.process.proxy import NotebookProxy


@dataclass(frozen=True)
class GradingContext:
    """One submission and what it is graded with."""

    student: NotebookProxy
    reference: NotebookProxy
    seed: int
    device: str = "cpu"

    def start(self, item: pytest.Item) -> None:
        """Get both notebooks ready for a check: forget the last one, and place the data of its requests.

        A check that asks for the device moves its data there itself, inside a probe.
        """
        for notebook in (self.student, self.reference):
            notebook.device = "cpu" if asks_for_device(item) else self.device
            notebook.start_over()

    def fixtures(self, exercise: str, check: str) -> dict[str, Any]:
        """The values of the fixtures that a check may request, by name."""
        return {
            "student": self.student,
            "reference": self.reference,
            "draw": Draw(derived_seed(self.seed, "draw", exercise, check)),
            "device": self.device,
        }


class CurrentContext:
    """The context that the fixtures read. A grader process has at most one at a time."""

    current: GradingContext | None = None


@cache
def asks_for_device(item: pytest.Item) -> bool:
    """Whether a check is about devices: whether it uses the fixture `device`."""
    return "device" in item.fixturenames  # type: ignore[attr-defined]


@cache
def exercise_of(item: pytest.Item) -> str:
    """The exercise that a check belongs to: the name of its folder."""
    return Path(str(item.path)).parent.name
