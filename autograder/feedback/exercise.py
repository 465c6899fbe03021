"""What a student reads about one exercise, as text and as HTML; the layout is in templates/."""

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
    """The score, the misconception if it is known, and every check."""
    return _rendered("exercise.txt.j2", result, visible_failure)


def feedback_html(result: ExerciseResult, visible_failure: str | None = None) -> str:
    """The same as a table: all styles inline, all text escaped."""
    return _rendered("exercise.html.j2", result, visible_failure)


def _rendered(template: str, result: ExerciseResult, visible_failure: str | None) -> str:
    diagnosis = result.diagnosis
    page = _templates.get_template(template).render(
        words=wording,
        result=result,
        visible_failure=visible_failure,
        behind=diagnosis
        and (wording.misconception(diagnosis.message) if diagnosis.sure else diagnosis.message),
        split=_split,
    )
    return page.rstrip("\n")


def _split(check: CheckResult) -> tuple[str, list[str]]:
    """A check's rule, and the lines that say how it was broken (none unless it failed)."""
    rule, *details = check.message.splitlines() or [check.name]
    return rule, details if check.passed is False else []
