"""Late penalties as in `nbgrader autograde`, by the plugin that nbgrader_config.py names."""

from __future__ import annotations

from typing import Any

from nbgrader.preprocessors import AssignLatePenalties
from traitlets import TraitError
from traitlets.config import Config

from autograder.core.errors import CourseError


class LatePenalties:
    """Calculates penalties with c.AssignLatePenalties.plugin_class.

    Raises CourseError if there is no such class.
    """

    def __init__(self, config: Config) -> None:
        try:
            self._step = AssignLatePenalties(config=config)
            self._step.init_plugin()
        except (TraitError, ImportError) as error:
            raise CourseError(
                f"the late-penalty plugin of nbgrader_config.py cannot be used ({error}): correct"
                " c.AssignLatePenalties.plugin_class."
            ) from error

    def penalty(self, student: str, notebook: Any, seconds_late: float) -> float | None:
        """The penalty of one of nbgrader's SubmittedNotebooks; None if there is none. Raises CourseError.

        The notebook's score must be up to date.
        """
        if seconds_late <= 0:
            return None
        self._step.init_plugin()  # nbgrader makes a new one for every notebook
        plugin = self._step.plugin_inst
        try:
            penalty = plugin.late_submission_penalty(student, notebook.score, seconds_late)
            return None if penalty is None else float(self._step._check_late_penalty(notebook, penalty))
        except Exception as error:  # the plugin is the instructor's code
            raise CourseError(
                f"the late-penalty plugin {type(plugin).__name__} failed for {student}"
                f" ({type(error).__name__}: {error}): correct it, or take it out of nbgrader_config.py."
            ) from error
