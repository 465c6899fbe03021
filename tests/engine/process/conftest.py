"""A launcher for each module that runs cells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from tests.engine.process.cells import LIMITS


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with launcher_for(LIMITS) as launcher:
        yield launcher
