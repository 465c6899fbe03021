"""Tell a forged answer apart from a bug in a hidden grader.

A probe is a function in the grader that builds its own answer, for example a dict of measurements. Student
code that writes to the channel itself can send anything in its place, and the check then raises as if the
grader were broken. The reference's answer to the same request settles it: whatever code it measures, a
probe returns a value of the same shape.
"""

from __future__ import annotations

from typing import Any

from autograder.grading.checks import number
from autograder.grading.context import GradingContext
from autograder.process.proxy import Raised, StudentLost
from autograder.protocol.messages import RunProbe


def has_forged_answer(context: GradingContext) -> bool:
    """Return whether any probe of the current check got an answer that the probe cannot have built."""
    student = context.student
    for request, exchange in zip(student.requests, student.exchanges, strict=True):
        if isinstance(request, RunProbe) and exchange.raised is None:
            try:
                expected = context.reference.asked_again(request)
            except (Raised, StudentLost):
                continue
            if _shape(exchange.answer) != _shape(expected):
                return True
    return False


def _shape(answer: Any) -> Any:
    """The part of an answer that does not depend on the code that the probe called."""
    if isinstance(answer, dict):
        return frozenset(answer)
    if isinstance(answer, (list, tuple)) or bool(getattr(answer, "ndim", False)):
        return "several values"
    return "number" if number(answer) is not None else type(answer).__name__
