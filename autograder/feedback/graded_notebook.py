"""Write outputs, scores and feedback into a graded notebook.

Everything here must pass nbformat's validation and survive saving, whatever the student's code displayed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autograder.core import wording
from autograder.core.cell_errors import cell_error
from autograder.core.cells import is_test, tag_of
from autograder.core.records import CellRun, ExerciseResult, Output
from autograder.feedback.exercise import feedback_html, feedback_text
from autograder.intake.notebook_file import fresh_id

if TYPE_CHECKING:
    from nbformat import NotebookNode


MAX_JSON_DEPTH = 50
MARKUP = re.compile(r"[!-/:-@\[-`{-~]")  # what Markdown lets a backslash escape
JSON_MIME = re.compile(r"application/(.*\+)?json")  # as in nbformat's schema


def fill(
    notebook: NotebookNode,
    cells: Mapping[int, CellRun],
    results: Mapping[str, ExerciseResult],
) -> None:
    """Write each cell's outputs, and each exercise's score and feedback, into the notebook.

    `cells` is keyed by position in the notebook, `results` by grade_id.
    """
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        run = cells.get(number)
        cell.outputs = [output_node(output) for output in run.outputs] if run else []
        cell.execution_count = run.execution_count if run else None
        if run and run.note:
            cell.outputs.append(_new_output("stream", name="stderr", text=f"[{run.note}]\n"))
        if is_test(cell):
            result = results.get(tag_of(cell)["grade_id"])
            cell.outputs = _score_outputs(result, _visible_failure(run)) if result else []


def put_first(notebook: NotebookNode, text: str) -> None:
    """Put a cell with this text above all others. Nothing in it is markup: it may contain file names."""
    from nbformat.v4 import new_markdown_cell  # takes a second to import

    shown = MARKUP.sub(r"\\\g<0>", text)
    cell = new_markdown_cell(shown)
    cell["id"] = fresh_id("autograder-note", {x["id"] for x in notebook.cells})
    notebook.cells.insert(0, cell)


def output_node(output: Output) -> NotebookNode:
    """An output as nbformat stores it."""
    if output.kind == "stream":
        name = output.name if output.name in ("stdout", "stderr") else "stdout"
        return _new_output("stream", name=name, text=output.text)
    if output.kind == "error":
        return _new_output(
            "error", ename=output.ename, evalue=output.evalue, traceback=list(output.traceback)
        )
    return _new_output(output.kind, data={mime: _mime(mime, text) for mime, text in output.data.items()})


def _new_output(kind: str, **fields: Any) -> NotebookNode:
    """Like nbformat's `new_output`, without its slow check against the schema."""
    from nbformat import from_dict  # takes a second to import

    if kind in ("display_data", "execute_result"):
        fields["metadata"] = {}
    if kind == "execute_result":
        fields["execution_count"] = None
    return from_dict({"output_type": kind, **fields})  # type: ignore[no-any-return]


def _mime(mime: str, text: str) -> Any:
    """Parse JSON display data, which arrives as text; leave out what a notebook file cannot hold.

    That is invalid JSON, NaN, half of a surrogate pair, or nesting deeper than MAX_JSON_DEPTH.
    """
    if not JSON_MIME.fullmatch(mime):
        return text
    try:
        data = json.loads(text)
        if _is_shallow(data):
            json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
            return data
    except (ValueError, RecursionError):
        pass
    return {}


def _is_shallow(data: Any) -> bool:
    """Whether nbformat, which recurses into the data, can save this."""
    level = [data]
    for _ in range(MAX_JSON_DEPTH):
        parts = [x.values() if isinstance(x, dict) else x for x in level if isinstance(x, (dict, list))]
        level = [x for part in parts for x in part]
    return not level


def unscored(notebook: NotebookNode) -> list[str]:
    """The grade_ids of test cells without a score, for which nbgrader would give full marks."""
    return [
        str(tag_of(cell).get("grade_id")) for cell in notebook.cells if is_test(cell) and not _scored(cell)
    ]


def _scored(cell: NotebookNode) -> bool:
    """Whether nbgrader finds a score in the first output, as `_score_outputs` writes it."""
    first = cell.outputs[0] if cell.outputs else {}
    try:
        return first.get("output_type") == "execute_result" and math.isfinite(
            float(first["data"]["text/plain"])
        )
    except (KeyError, TypeError, ValueError):
        return False


def _score_outputs(result: ExerciseResult, failure: str | None) -> list[NotebookNode]:
    """The score, which nbgrader reads from the first output, then the feedback for the student."""
    assert result.score is not None, "an internal error has no score"
    number = _new_output(
        "execute_result",
        data={"text/plain": f"{result.score:g}", "text/html": f"<p>{wording.score(result.score)}</p>"},
    )
    data = {
        "text/plain": feedback_text(result, failure),
        "text/html": feedback_html(result, failure),
    }
    return [number, _new_output("display_data", data=data)]


def _visible_failure(run: CellRun | None) -> str | None:
    """One sentence if the visible example failed, or was stopped or left out."""
    if run is None:
        return None
    if run.note:
        return wording.visible_example_did_not_run(run.note)
    error = cell_error(run.outputs)
    return wording.visible_example_fails(error) if error else None
