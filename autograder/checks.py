"""Public API for hidden graders: weights, hints, descriptions and comparisons."""

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
from autograder.grading.describe import describe, named
from autograder.process.show import show

__all__ = [
    "ObjectRef",
    "Raised",
    "close",
    "describe",
    "hint",
    "is_tensor",
    "named",
    "no_verdict",
    "number",
    "sequence",
    "show",
    "weight",
    "whole",
]
