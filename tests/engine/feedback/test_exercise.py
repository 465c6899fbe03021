"""The feedback on one exercise, as text and as HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autograder.core.records import CheckResult, Diagnosis, ExerciseResult
from autograder.feedback.exercise import feedback_html, feedback_text

CHECKS = (
    CheckResult("a", True, 1.0, "Adds up."),
    CheckResult("b", False, 2.0, "Is <b>bold</b>.\nChecked: f(1)\nGot: '</pre><script>'", "Use & > it."),
    CheckResult("c", None, 1.0, "No verdict.\nHidden detail", "Hidden hint"),
)
RESULT = ExerciseResult("slope", 1.25, 3.0, "partial", CHECKS, Diagnosis("x", "Rise over <run>."))


class Page(HTMLParser):
    """A page's tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed_html(result: ExerciseResult, failure: str | None) -> Page:
    page = Page()
    page.feed(feedback_html(result, failure))
    return page


def test_only_failed_checks_have_details_and_a_hint() -> None:
    text = feedback_text(RESULT, "The visible example fails: NameError: y")
    assert text.splitlines()[0] == "slope: 1.25 of 3 points"
    for expected in (
        "NameError: y",
        "Rise over <run>.",
        "Checked: f(1)",
        "Hint: Use & > it.",
        "ok Adds up.",
    ):
        assert expected in text
    assert "Hidden" not in text
    assert "visible example" not in feedback_text(RESULT)


def test_one_point_is_no_plural() -> None:
    text = feedback_text(ExerciseResult("slope", 0.8, 1.0, "partial", CHECKS))
    assert text.splitlines()[0] == "slope: 0.8 of 1 point"


def test_html_says_the_same_and_escapes_markup() -> None:
    page = parsed_html(RESULT, "<img src=x>")
    assert not page.tags & {"b", "script", "img"}
    for expected in (
        "<img src=x>",
        "Rise over <run>.",
        "</pre><script>",
        "Hint: Use & > it.",
        "1.25 of 3",
    ):
        assert expected in page.text
    assert "Hidden" not in page.text


@given(st.text(), st.text(), st.text())
def test_any_text_stays_text(message: str, hint: str, failure: str) -> None:
    result = ExerciseResult("e", 0.0, 1.0, "wrong", (CheckResult("c", False, 1.0, f"<i>{message}", hint),))
    page = parsed_html(result, failure)
    assert page.tags <= {"div", "p", "strong", "table", "tr", "td", "pre", "em"}
