"""Public API for hidden graders: weights, hints and comparisons."""

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
