"""The table of statuses is complete, and the documentation explains every one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from autograder.core.statuses import STATUSES, ExerciseStatus

ROOT = Path(__file__).parents[3]


def test_every_status_is_in_the_table() -> None:
    assert set(STATUSES) == set(get_args(ExerciseStatus))


@pytest.mark.parametrize("status", STATUSES)
def test_the_documentation_explains_every_status(status: ExerciseStatus) -> None:
    assert f"| `{status}` | {STATUSES[status].meaning} |" in (ROOT / "docs/instructors.md").read_text()
