"""The pytest fixtures of a hidden grader: student, reference, draw, device.

They refer to the submission being graded. In a plain `pytest tests/module6` there is none, and
selftest.py grades the reference solution instead.
"""

from __future__ import annotations

import pytest

from autograder.grading.context import CurrentContext, GradingContext, exercise_of
from autograder.grading.draw import Draw
from autograder.process.proxy import NotebookProxy


@pytest.fixture
def context() -> GradingContext:
    """The submission being graded; selftest.py overrides this when there is none."""
    assert CurrentContext.current is not None, "no submission is being graded"
    return CurrentContext.current


@pytest.fixture
def student(context: GradingContext) -> NotebookProxy:
    """The notebook being graded."""
    return context.student


@pytest.fixture
def reference(context: GradingContext) -> NotebookProxy:
    """The reference solution, with the same interface as `student`."""
    return context.reference


@pytest.fixture
def draw(context: GradingContext, request: pytest.FixtureRequest) -> Draw:
    """Random inputs, the same for every submission of a run."""
    draw: Draw = context.fixtures(exercise_of(request.node), request.node.name)["draw"]
    return draw


@pytest.fixture
def device(context: GradingContext) -> str:
    """The device of the run, "cpu" or "cuda"."""
    return context.device


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "weight(amount): how much a check counts in its exercise")
    config.addinivalue_line("markers", "hint(text): one sentence shown when the check fails")
    config.addinivalue_line("markers", "describe(words): a function that says what came back in words")
