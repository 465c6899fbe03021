"""The preprocessors of nbgrader's commands, by name.

Those in this package derive from nbgrader's classes, because nbgrader silently skips any others.
"""

from __future__ import annotations

from typing import Any

# nbgrader's default, with ClearSolutions replaced. ComputeChecksums is there twice because hidden tests, if
# there are any, are removed in between.
RELEASE_STEPS = [
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.InstantiateTests",
    "nbgrader.preprocessors.LockCells",
    "autograder.nbgrader_plugins.release_steps.NamedStubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]

# RestoreReleasedCells replaces ClearOutput, DeduplicateIds, OverwriteKernelspec and OverwriteCells, each of
# which repairs one thing and fails on others.
SANITIZE_STEPS = [
    "autograder.nbgrader_plugins.autograde_steps.RestoreReleasedCells",
    "nbgrader.preprocessors.CheckCellMetadata",
]
AUTOGRADE_STEPS = [
    "autograder.nbgrader_plugins.autograde_steps.GradeSubmission",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.nbgrader_plugins.save_grades.SaveGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]


def validate_steps(validator: Any) -> list[type]:
    """The preprocessors of `nbgrader validate`: replaces Validator._preprocessors_default."""
    from nbgrader.preprocessors import ClearOutput

    from autograder.nbgrader_plugins.autograde_steps import Validate

    return [ClearOutput, Validate]


def replace_converters() -> None:
    """Replace what nbgrader has no setting for: see replacements.py."""
    from autograder.nbgrader_plugins.replacements import replace

    replace()
