"""Submissions on the released skeleton: whatever was moved, copied, deleted or edited."""

from __future__ import annotations

import random
import warnings
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from autograder.core.cells import tag_of
from autograder.core.errors import Unreadable
from autograder.core.records import CellRun, CheckResult, Diagnosis, ExerciseResult, Output
from autograder.feedback.exercise import feedback_html, feedback_text
from autograder.feedback.graded_notebook import fill
from autograder.intake.notebook_file import tidy
from autograder.intake.skeleton import assemble, code_cells, refuse_stranger
from tests.engine.support.small_course import cell, cell_of, notebook

GRADED = ["slope", "line", "answers", "why"]


def skeleton() -> NotebookNode:
    made: NotebookNode = nbformat.from_dict(notebook())
    return made


def put_together(content: dict[str, Any]) -> NotebookNode:
    made = assemble(tidy(content, "lines.ipynb"), skeleton())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nbformat mends some things in passing, and only warns
        nbformat.validate(made)
    return made


def answer(content: dict[str, Any], cell_id: str, source: str) -> dict[str, Any]:
    found = cell_of(content, cell_id)
    found["source"] = source
    return found


def by_grade_id(made: NotebookNode) -> dict[str, NotebookNode]:
    tagged = [x for x in made.cells if tag_of(x)]
    found = {tag_of(x)["grade_id"]: x for x in tagged}
    assert len(found) == len(tagged), "a grade_id stands twice"
    return found


def as_released(made: NotebookNode) -> bool:
    """Every graded cell stands once, with the released metadata; the tests with the released text."""
    released, found = by_grade_id(skeleton()), by_grade_id(made)
    return all(
        name in found
        and tag_of(found[name]) == tag_of(released[name])
        and (name == "why" or found[name].source == released[name].source)
        for name in GRADED
    )


def test_an_untouched_notebook_comes_back_as_it_was() -> None:
    made = put_together(notebook())
    assert [x.source for x in made.cells] == [x.source for x in skeleton().cells]
    assert as_released(made)


def test_moved_cells_are_matched_by_their_grade_id() -> None:
    content = notebook()
    answer(content, "slope_solution", "def slope(*p): return 1")
    content["cells"].reverse()
    made = put_together(content)
    assert as_released(made)
    assert by_grade_id(made)["slope_solution"].source == "def slope(*p): return 1"
    assert [x.source for x in made.cells][-1] == skeleton().cells[0].source


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_of_several_copies_the_last_changed_one_counts(changed: int) -> None:
    content = notebook()
    original = cell_of(content, "line_solution")
    copies = [deepcopy(original) | {"id": f"copy-{n}"} for n in range(2)]
    content["cells"] += copies
    [original, *copies][changed]["source"] = "class Line: pass"
    made = put_together(content)
    assert by_grade_id(made)["line_solution"].source == "class Line: pass"
    copies[0]["source"], copies[1]["source"] = "first = 1", "second = 2"
    assert by_grade_id(put_together(content))["line_solution"].source == "second = 2"
    assert as_released(made)


def test_a_copy_that_does_not_count_still_runs() -> None:
    content = notebook()
    content["cells"].append(answer(notebook(), "slope_solution", "later = 1") | {"id": "new"})
    content["cells"].append(answer(notebook(), "slope_solution", "last = 1") | {"id": "newer"})
    assert {"later = 1", "last = 1"} <= {x.source for x in code_cells(put_together(content), skeleton())}


def test_released_cells_that_are_no_answers_count_as_given() -> None:
    content = notebook()
    answer(content, "slope_solution", "mine = 1")
    content["cells"].append(cell("own", "own = 2"))
    found = {x.source: x.given for x in code_cells(put_together(content), skeleton())}
    assert not found["mine = 1"] and not found["own = 2"]
    given = [x["source"] for x in notebook()["cells"] if x["cell_type"] == "code" and x["id"] == "slope"]
    assert all(found[source] for source in given)
    assert not found[cell_of(notebook(), "line_solution")["source"]]


@pytest.mark.parametrize("gone", [{"slope"}, {"why"}, {"slope", "slope_solution"}, set(GRADED)])
def test_deleted_graded_cells_come_back(gone: set[str]) -> None:
    content = notebook()
    content["cells"] = [x for x in content["cells"] if x["id"] not in gone]
    made = put_together(content)
    assert as_released(made)
    assert ("slope_solution" in by_grade_id(made)) == ("slope_solution" not in gone)


def test_a_deleted_test_comes_back_behind_its_solution() -> None:
    content = notebook()
    content["cells"] = [x for x in content["cells"] if x["id"] != "line"]
    order = [tag_of(x).get("grade_id") for x in put_together(content).cells]
    assert order.index("line") == order.index("line_solution") + 1


def test_nothing_but_the_answers_survives_an_edit() -> None:
    content = notebook()
    answer(content, "slope", "assert True")["metadata"]["nbgrader"].update(points=100, locked=False)
    answer(content, "why", "Because.")["metadata"]["nbgrader"].update(points=100)
    found = by_grade_id(put_together(content))
    assert as_released(put_together(content))
    assert found["why"].source == "Because."
    assert found["slope"].metadata.editable is False


@pytest.mark.parametrize(
    "tag", [None, {}, {"grade_id": "renamed"}, {"grade_id": None}, "x", {"grade_id": [1]}]
)
def test_a_cell_that_lost_its_tag_is_known_by_its_id(tag: Any) -> None:
    content = notebook()
    found = answer(content, "line_solution", "class Line: pass")
    found["metadata"] = {"nbgrader": tag}
    assert by_grade_id(put_together(content))["line_solution"].source == "class Line: pass"


def test_a_cell_of_another_kind_is_no_answer() -> None:
    content = notebook()
    found = cell_of(content, "why")
    found.update(cell_type="code", source="print('why')", outputs=[], execution_count=None)
    made = put_together(content)
    assert as_released(made)
    assert by_grade_id(made)["why"].cell_type == "markdown"


def test_blank_lines_around_an_untouched_answer_do_not_count() -> None:
    content = notebook()
    answer(content, "why", "\nMy own answer.\n\n")
    assert by_grade_id(put_together(content))["why"].source == "My own answer."


def test_ids_stay_unique_whatever_students_call_their_cells() -> None:
    content = notebook()
    kept = [x for x in content["cells"] if x["id"] != "slope"]
    taken = [cell(f"again-{n}", "x = 1") for n in range(10, 31)]
    content["cells"] = [*taken, *kept, cell("slope", "# x", "markdown")]  # then slope is put back
    ids = [x["id"] for x in put_together(content).cells]
    assert len(set(ids)) == len(ids)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_shuffle_of_copies_and_deletions_holds_every_graded_cell_once(
    rng: random.Random,
) -> None:
    content = notebook()
    content["cells"] = [deepcopy(x) for x in rng.choices(content["cells"], k=rng.randint(0, 15))]
    for raw in content["cells"]:
        raw["id"] = rng.choice([raw["id"], "again-1", "a"])
        raw["source"] = rng.choice([raw["source"], "y = 2"])
        if rng.random() < 0.3:
            raw["metadata"] = rng.choice([{}, {"nbgrader": {"grade_id": "line"}}])
    once = put_together(content)
    assert as_released(once)
    assert len({x["id"] for x in once.cells}) == len(once.cells)
    assert as_released(put_together(deepcopy(once)))


def test_strangers_are_refused_and_stripped_notebooks_are_not() -> None:
    stranger = tidy({"cells": [cell("a", "import os"), cell("b", "# slope", "markdown")]}, "p")
    with pytest.raises(Unreadable, match="another assignment"):
        refuse_stranger(stranger, skeleton(), ["slope", "Line"], "p.ipynb")
    own = tidy({"cells": [{"cell_type": "code", "source": "def slope(): pass"}]}, "p")
    refuse_stranger(own, skeleton(), ["slope", "Line"], "p.ipynb")


CHECKS = (
    CheckResult("a", True, 1.0, "Adds up."),
    CheckResult("b", False, 2.0, "Is <b>bold</b>.\nAsked: f(1)\nCame back: '</pre><script>'", "Use & > it."),
    CheckResult("c", None, 1.0, "No verdict.\nHidden detail", "Hidden hint"),
)
RESULT = ExerciseResult("slope", 1.25, 3.0, "partial", CHECKS, Diagnosis("x", "Rise over <run>."))


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def shown(result: ExerciseResult, failure: str | None) -> Page:
    page = Page()
    page.feed(feedback_html(result, failure))
    return page


def test_feedback_tells_failures_with_details_and_the_rest_in_a_line() -> None:
    text = feedback_text(RESULT, "NameError: y")
    assert text.splitlines()[0] == "slope: 1.25 of 3 points"
    for told in (
        "NameError: y",
        "Rise over <run>.",
        "Asked: f(1)",
        "Hint: Use & > it.",
        "ok Adds up.",
    ):
        assert told in text
    assert "Hidden" not in text
    assert "visible example" not in feedback_text(RESULT)


def test_feedback_as_html_says_the_same_and_lets_no_markup_through() -> None:
    page = shown(RESULT, "<img src=x>")
    assert not page.tags & {"b", "script", "img"}
    for told in (
        "<img src=x>",
        "Rise over <run>.",
        "</pre><script>",
        "Hint: Use & > it.",
        "1.25 of 3",
    ):
        assert told in page.text
    assert "Hidden" not in page.text


@given(st.text(), st.text(), st.text())
def test_any_text_stays_text(message: str, hint: str, failure: str) -> None:
    result = ExerciseResult("e", 0.0, 1.0, "wrong", (CheckResult("c", False, 1.0, f"<i>{message}", hint),))
    page = shown(result, failure)
    assert page.tags <= {"div", "p", "strong", "table", "tr", "td", "pre", "em"}


def filled(outputs: list[Output], **more: Any) -> tuple[NotebookNode, NotebookNode]:
    """The imports cell, with these outputs, and the test cell of slope, with a failed example."""
    made = put_together(notebook())
    place = {x["id"]: n for n, x in enumerate(made.cells)}
    runs = {
        place["imports"]: CellRun(place["imports"], 7, outputs, **more),
        place["slope"]: CellRun(place["slope"], 8, [Output("error", ename="AssertionError", evalue="5")]),
    }
    fill(made, runs, {"slope": RESULT})
    nbformat.validate(made)
    nbformat.writes(made)
    return made.cells[place["imports"]], made.cells[place["slope"]]


def test_the_score_comes_first_and_as_a_plain_number() -> None:
    _, test = filled([])
    score, message = test.outputs
    assert score.output_type == "execute_result"
    assert float(score.data["text/plain"]) == RESULT.score
    assert "The visible example fails: AssertionError: 5" in message.data["text/plain"]


def test_outputs_are_written_as_the_notebook_format_has_them() -> None:
    data = {"text/plain": "1", "application/json": '{"a": [1]}', "image/png": "aGk="}
    outputs = [
        Output("stream", name="stdout", text="hi"),
        Output("stream", name="elsewhere", text="hi"),
        Output("execute_result", data=data),
        Output("error", ename="E", evalue="v", traceback=["t"]),
    ]
    imports, _ = filled(outputs, note="interrupted after 30 s")
    kinds = [x.output_type for x in imports.outputs]
    assert kinds == ["stream", "stream", "execute_result", "error", "stream"]
    assert imports.outputs[2].data["application/json"] == {"a": [1]}
    assert imports.outputs[-1].text == "[interrupted after 30 s]\n"
    assert imports.execution_count == 7


UNSAVABLE = ['{"a": "\\ud800"}', '{"\\udfff": 1}', "NaN", "[1e999]", "9" * 5000]


@pytest.mark.parametrize(
    "text", [*UNSAVABLE, "{", "", *("[" * n + "]" * n for n in (60, 600, 100_000))], ids=len
)
def test_broken_or_bottomless_json_is_left_out(text: str) -> None:
    imports, _ = filled([Output("display_data", data={"application/vnd.x+json": text})])
    assert imports.outputs[0].data == {"application/vnd.x+json": {}}


def test_cells_that_did_not_run_lose_their_old_outputs() -> None:
    made = put_together(notebook())
    for x in made.cells:
        if x.cell_type == "code":
            x.outputs = [nbformat.v4.new_output("stream", text="stale")]
    fill(made, {}, {})
    assert not any(x.outputs for x in made.cells if x.cell_type == "code")
