"""The feedback on one exercise, as text and as HTML.

The layout is in templates/, the sentences are in core/wording.py.
"""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, select_autoescape

from autograder.core import wording
from autograder.core.records import CheckResult, ExerciseResult

_templates = Environment(
    loader=PackageLoader("autograder.feedback"),
    autoescape=select_autoescape(["html.j2"], default=False),
    trim_blocks=True,
    lstrip_blocks=True,
)


def feedback_text(result: ExerciseResult, visible_failure: str | None = None) -> str:
    """The score, the known misconception if any, and every check, as plain text.

    `visible_failure` is the sentence that says how the visible example failed, if it did.
    """
    return _render("exercise.txt.j2", result, visible_failure)


def feedback_html(result: ExerciseResult, visible_failure: str | None = None) -> str:
    """The same as an HTML table, with inline styles only and all text escaped."""
    return _render("exercise.html.j2", result, visible_failure)


def _render(template: str, result: ExerciseResult, visible_failure: str | None) -> str:
    diagnosis = result.diagnosis
    text = _templates.get_template(template).render(
        words=wording,
        result=result,
        visible_failure=visible_failure,
        misconception=diagnosis
        and (wording.misconception(diagnosis.message) if diagnosis.sure else diagnosis.message),
        split=_split,
    )
    return text.rstrip("\n")


def _split(check: CheckResult) -> tuple[str, list[str]]:
    """The rule a check tests, and, only if it failed, the lines that say how."""
    rule, *details = check.message.splitlines() or [check.name]
    return rule, details if check.passed is False else []
