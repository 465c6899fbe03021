"""What the author of a hidden grader imports: weights, hints and comparisons. Part of the public API."""

from autograder.grading.checks import (
    ObjectRef,
    Raised,
    close,
    hint,
    is_tensor,
    no_verdict,
    number,
    sequence,
    weight,
    whole,
)

__all__ = [
    "ObjectRef",
    "Raised",
    "close",
    "hint",
    "is_tensor",
    "no_verdict",
    "number",
    "sequence",
    "weight",
    "whole",
]
