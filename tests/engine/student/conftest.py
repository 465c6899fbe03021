"""What the tests of the student's process share."""

from collections.abc import Iterator

import pytest
import torch

from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from tests.engine.process.cells import LIMITS


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """For tensors this small, threads only cost time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def launcher() -> Iterator[Launcher]:
    with launcher_for(LIMITS) as launcher:
        yield launcher
