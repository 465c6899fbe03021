"""Tell an answer that no probe gave from a fault of a hidden grader.

A probe is ours and builds its own answer: a dict of measurements, say. A student's process that writes
into its channel by itself can send anything in that place, and the check then stumbles over it as if the
grader were at fault. That is told apart by the reference's answer to the same question: a probe that ran
gives the same kind of thing there.
"""

from __future__ import annotations

from typing import Any

from autograder.grading.checks import number
from autograder.grading.context import GradingContext
from autograder.process.proxy import Raised, StudentLost
from autograder.protocol.messages import RunProbe


def forged(context: GradingContext) -> bool:
    """Whether a probe of the check under way was answered with something that it cannot have made."""
    student = context.student
    for request, exchange in zip(student.requests, student.exchanges, strict=True):
        if isinstance(request, RunProbe) and exchange.raised is None:
            try:
                wanted = context.reference.asked_again(request)
            except (Raised, StudentLost):
                continue
            if _outline(exchange.answer) != _outline(wanted):
                return True
    return False


def _outline(answer: Any) -> Any:
    """As much of an answer as does not depend on whose functions the probe has called."""
    if isinstance(answer, dict):
        return frozenset(answer)
    if isinstance(answer, (list, tuple)) or bool(getattr(answer, "ndim", False)):
        return "several values"
    return "number" if number(answer) is not None else type(answer).__name__
