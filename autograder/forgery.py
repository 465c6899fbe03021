"""Tell an answer that no probe gave from a fault of a hidden grader.

A probe is ours and builds its own answer: a dict of measurements, say. A student's process that writes
into its channel by itself can send anything in that place, and the check then stumbles over it as if the
grader were at fault. That is told apart by the reference's answer to the same question: a probe that ran
gives the same kind of thing there.
"""

from __future__ import annotations

from typing import Any

from autograder.checks import number
from autograder.fixtures import Sitting
from autograder.inside.messages import RunProbe
from autograder.sides import Raised, StudentLost


def forged(sitting: Sitting) -> bool:
    """Whether a probe of the check under way was answered with something that it cannot have made."""
    student = sitting.student
    for question, exchange in zip(student.questions, student.exchanges, strict=True):
        if isinstance(question, RunProbe) and exchange.raised is None:
            try:
                wanted = sitting.reference.asked_again(question)
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
