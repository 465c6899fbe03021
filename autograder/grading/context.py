"""TODO grading.context."""

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
    """One submission's exercise in front of its grader."""

    student: NotebookProxy
    reference: NotebookProxy
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


class CurrentContext:
    """Holds the sitting that the fixtures speak for; one grader process has one at a time."""

    current: GradingContext | None = None


@cache
def exercise_of(item: pytest.Item) -> str:
    """The exercise an item belongs to: the name of its folder."""
    return Path(str(item.path)).parent.name
