"""Which checks are called directly and which go through pytest's run protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autograder.grading.context import GradingContext
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import LocalProxy


def with_provided_fixtures(student: Any, reference: Any, draw: Any, device: Any) -> None:
    """Request every fixture that a grader provides."""


def with_a_pytest_fixture(student: Any, tmp_path: Any) -> None:
    """Request a fixture of pytest."""


def with_request(student: Any, request: Any) -> None:
    """Request what only pytest can give."""


@pytest.mark.parametrize(
    ("check", "direct"),
    [(with_provided_fixtures, True), (with_a_pytest_fixture, False), (with_request, False)],
)
def test_only_checks_with_provided_fixtures_are_called_directly(
    request: pytest.FixtureRequest, check: Callable[..., None], direct: bool
) -> None:
    item = pytest.Function.from_parent(request.node.parent, name=check.__name__, callobj=check)
    context = GradingContext(LocalProxy({}), ReferenceProxy({}), 1)
    arguments = CollectedGraders([], [])._direct_arguments(item, context)
    assert (arguments is not None) is direct
    if arguments is not None:
        assert list(arguments) == ["student", "reference", "draw", "device"]
