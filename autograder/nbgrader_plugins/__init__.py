"""The public API for nbgrader_config.py: what nbgrader's own commands use of this package.

Steps are given as names rather than classes, so importing this loads neither torch nor nbgrader: nbgrader
imports a step when a command needs it.
"""

from autograder.nbgrader_glue.config import put_tools_on_path
from autograder.nbgrader_glue.gradebook_file import class_database_url
from autograder.nbgrader_glue.logs import say_sentences
from autograder.nbgrader_plugins.collecting import collect_pattern
from autograder.nbgrader_plugins.steps import (
    AUTOGRADE_STEPS,
    RELEASE_STEPS,
    SANITIZE_STEPS,
    replace_converters,
    validate_steps,
)

__all__ = [
    "AUTOGRADE_STEPS",
    "RELEASE_STEPS",
    "SANITIZE_STEPS",
    "class_database_url",
    "collect_pattern",
    "put_tools_on_path",
    "replace_converters",
    "say_sentences",
    "validate_steps",
]
