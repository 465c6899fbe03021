"""Outputs, scores and feedback in a graded notebook."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.core.records import CellRun, CheckResult, Diagnosis, ExerciseResult, Output
from autograder.feedback.graded_notebook import fill
from tests.engine.support.small_course import notebook

CHECKS = (
    CheckResult("a", True, 1.0, "Adds up."),
    CheckResult("b", False, 1.0, "Is <b>bold</b>.", "Use & > it."),
)
RESULT = ExerciseResult("slope", 1.25, 3.0, "partial", CHECKS, Diagnosis("x", "Rise over <run>."))


def graded_notebook() -> NotebookNode:
    made: NotebookNode = nbformat.from_dict(notebook())
    return made


def filled(outputs: list[Output], **more: Any) -> tuple[NotebookNode, NotebookNode]:
    """The imports cell with these outputs, and slope's test cell, whose visible example failed."""
    made = graded_notebook()
    position = {x["id"]: n for n, x in enumerate(made.cells)}
    runs = {
        position["imports"]: CellRun(position["imports"], 7, outputs, **more),
        position["slope"]: CellRun(
            position["slope"], 8, [Output("error", ename="AssertionError", evalue="5")]
        ),
    }
    fill(made, runs, {"slope": RESULT})
    nbformat.validate(made)
    nbformat.writes(made)
    return made.cells[position["imports"]], made.cells[position["slope"]]


def test_score_is_the_first_output_and_a_plain_number() -> None:
    _, test = filled([])
    score, message = test.outputs
    assert score.output_type == "execute_result"
    assert float(score.data["text/plain"]) == RESULT.score
    assert score.data["text/html"] == "<p>Score: 1.25</p>"  # a page never shows a bare number
    assert "The visible example fails: AssertionError: 5" in message.data["text/plain"]


FAILED_EXAMPLES = {
    "interrupted": (
        CellRun(4, 8, [Output("error", ename="KeyboardInterrupt")], "interrupted after 30 s"),
        "The visible example did not run to its end: interrupted after 30 s",
    ),
    "left out": (
        CellRun(4, None, [], "left out: it ended the Python process"),
        "The visible example did not run to its end: left out: it ended the Python process",
    ),
    "no message": (CellRun(4, 8, [Output("error", ename="StopIteration")]), "fails: StopIteration"),
    "error": (
        CellRun(
            4,
            8,
            [Output("error", "", "", {}, "NameError", "name 'y' is not\ndefined", ["Cell In[8], line 2"])],
        ),
        "fails: NameError: name 'y' is not defined (In [8], line 2)",
    ),
}


@pytest.mark.parametrize("case", FAILED_EXAMPLES)
def test_a_visible_example_that_failed_is_told_in_one_sentence(case: str) -> None:
    run, sentence = FAILED_EXAMPLES[case]
    made = graded_notebook()
    position = next(n for n, x in enumerate(made.cells) if x["id"] == "slope")
    fill(made, {position: run}, {"slope": RESULT})
    assert sentence in made.cells[position].outputs[1].data["text/plain"].splitlines()[1]


def test_outputs_follow_the_notebook_format() -> None:
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


UNSAVABLE_JSON = ['{"a": "\\ud800"}', '{"\\udfff": 1}', "NaN", "[1e999]", "9" * 5000]


@pytest.mark.parametrize(
    "text", [*UNSAVABLE_JSON, "{", "", *("[" * n + "]" * n for n in (60, 600, 100_000))], ids=len
)
def test_json_that_cannot_be_saved_is_left_out(text: str) -> None:
    imports, _ = filled([Output("display_data", data={"application/vnd.x+json": text})])
    assert imports.outputs[0].data == {"application/vnd.x+json": {}}


def test_cells_that_did_not_run_lose_old_outputs() -> None:
    made = graded_notebook()
    for x in made.cells:
        if x.cell_type == "code":
            x.outputs = [nbformat.v4.new_output("stream", text="stale")]
    fill(made, {}, {})
    assert not any(x.outputs for x in made.cells if x.cell_type == "code")
