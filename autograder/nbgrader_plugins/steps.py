"""Our steps in nbgrader's own pipeline: preprocessors that nbgrader_config.py names.

They derive from nbgrader's classes, never from nbconvert's: nbgrader silently skips the others.
"""

from __future__ import annotations

from typing import Any

# nbgrader's own order, with its ClearSolutions replaced. ComputeChecksums stands twice because
# hidden tests, if an author uses any, leave the notebook between the two.
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

# nbgrader's ClearOutput, DeduplicateIds, OverwriteKernelspec and OverwriteCells repair one thing
# each and stumble over others; the released skeleton answers for all of them.
SANITIZE_STEPS = [
    "autograder.nbgrader_plugins.autograde_steps.PutOnSkeleton",
    "nbgrader.preprocessors.CheckCellMetadata",
]
AUTOGRADE_STEPS = [
    "autograder.nbgrader_plugins.autograde_steps.GradeByEngine",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]


def validate_steps(validator: Any) -> list[type]:
    """What `nbgrader validate` does to a notebook; see nbgrader_grade.Validate."""
    from nbgrader.preprocessors import ClearOutput

    from autograder.nbgrader_plugins.autograde_steps import Validate

    return [ClearOutput, Validate]
