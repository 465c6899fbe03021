"""TODO feedback.graded_notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.core.cells import is_test, tag_of
from autograder.core.records import CellRun, ExerciseResult, Output
from autograder.feedback.exercise import feedback_html, feedback_text

MAX_JSON_DEPTH = 50
JSON_MIME = re.compile(r"application/(.*\+)?json")  # as nbformat's schema has it


def fill(
    notebook: NotebookNode,
    cells: Mapping[int, CellRun],
    results: Mapping[str, ExerciseResult],
) -> None:
    """Write every cell's outputs, and each exercise's score and messages, into the notebook."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        run = cells.get(number)
        cell.outputs = [_output(output) for output in run.outputs] if run else []
        cell.execution_count = run.execution_count if run else None
        if run and run.note:
            cell.outputs.append(_new_output("stream", name="stderr", text=f"[{run.note}]\n"))
        if is_test(cell):
            result = results.get(tag_of(cell)["grade_id"])
            cell.outputs = _score_outputs(result, cell.outputs) if result else []


def _output(output: Output) -> NotebookNode:
    if output.kind == "stream":
        name = output.name if output.name in ("stdout", "stderr") else "stdout"
        return _new_output("stream", name=name, text=output.text)
    if output.kind == "error":
        return _new_output(
            "error", ename=output.ename, evalue=output.evalue, traceback=list(output.traceback)
        )
    return _new_output(output.kind, data={mime: _mime(mime, text) for mime, text in output.data.items()})


def _new_output(kind: str, **fields: Any) -> NotebookNode:
    """As nbformat's new_output makes it, which compares each with the schema; here the fields are typed."""
    if kind in ("display_data", "execute_result"):
        fields["metadata"] = {}
    if kind == "execute_result":
        fields["execution_count"] = None
    return nbformat.from_dict({"output_type": kind, **fields})  # type: ignore[no-any-return]


def _mime(mime: str, text: str) -> Any:
    """JSON display data crosses as text; what a file cannot hold (half a surrogate pair, NaN) is left out."""
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
    """Whether nbformat, which goes into data by recursion, can save this."""
    level = [data]
    for _ in range(MAX_JSON_DEPTH):
        parts = [x.values() if isinstance(x, dict) else x for x in level if isinstance(x, (dict, list))]
        level = [x for part in parts for x in part]
    return not level


def _score_outputs(result: ExerciseResult, visible: list[NotebookNode]) -> list[NotebookNode]:
    """The score first, as nbgrader reads it; then what the student reads."""
    assert result.score is not None, "a fault of ours is no score"
    number = _new_output("execute_result", data={"text/plain": f"{result.score:g}"})
    failure = _visible_failure(visible)
    data = {
        "text/plain": feedback_text(result, failure),
        "text/html": feedback_html(result, failure),
    }
    return [number, _new_output("display_data", data=data)]


def _visible_failure(outputs: list[NotebookNode]) -> str | None:
    for output in outputs:
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}"[:300]
    return None
