"""Put a submission back on the released skeleton, and a graded notebook together from its results.

nbgrader stumbles over copied, deleted and edited cells; the skeleton knows what each graded cell has to
be, so every released cell stands exactly once in what this makes, with the student's text where the
student may write.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.errors import CourseError
from autograder.execution import Cell, CellRun
from autograder.inside.messages import Output
from autograder.notebooks import Unreadable, fresh_id
from autograder.records import Diagnosis, ExerciseResult

MAX_JSON_DEPTH = 50
JSON_MIME = re.compile(r"application/(.*\+)?json")  # as nbformat's schema has it
READ_ONLY = {"editable": False, "deletable": False}


def read_skeleton(path: Path) -> NotebookNode:
    """A released notebook."""
    if not path.exists():
        raise CourseError(f"{path} is missing: run `autograder release`.")
    return _read_once(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read_once(path: Path, changed: int) -> NotebookNode:
    """Everyone's submission goes on the same released notebook; who uses its cells takes copies."""
    skeleton: NotebookNode = nbformat.read(path, as_version=4)
    return skeleton


def tag_of(cell: NotebookNode) -> dict[str, Any]:
    tag = cell.metadata.get("nbgrader")
    return tag if isinstance(tag, dict) else {}


def is_test(cell: NotebookNode) -> bool:
    tag = tag_of(cell)
    return bool(tag.get("grade")) and not tag.get("solution") and cell.cell_type == "code"


def is_written(cell: NotebookNode) -> bool:
    tag = tag_of(cell)
    return bool(tag.get("grade") and tag.get("solution"))


def assemble(submitted: NotebookNode, skeleton: NotebookNode) -> NotebookNode:
    """The submitted cells in their order, each released cell among them once and whole."""
    released = {tag["grade_id"]: cell for cell in skeleton.cells if (tag := tag_of(cell))}
    ids = {cell["id"]: grade_id for grade_id, cell in released.items()}
    chosen = _chosen(submitted, released, ids)
    cells = []
    for number, cell in enumerate(submitted.cells):
        grade_id = chosen.get(number)
        cell.metadata.pop("nbgrader", None)
        if grade_id is not None:
            _restore(cell, released[grade_id])
        cells.append(cell)
    notebook = NotebookNode({name: value for name, value in submitted.items() if name != "cells"})
    notebook.cells = _with_missing(cells, skeleton, set(chosen.values()))
    _unique_ids(notebook.cells)
    return notebook


def _chosen(
    submitted: NotebookNode, released: Mapping[str, NotebookNode], ids: Mapping[str, str]
) -> dict[int, str]:
    """Which submitted cell stands for each released one: of several, the last that was changed."""
    found: dict[str, int] = {}
    for number, cell in enumerate(submitted.cells):
        grade_id = tag_of(cell).get("grade_id")
        if grade_id not in released:
            grade_id = ids.get(cell["id"])
        if grade_id is None or released[grade_id].cell_type != cell.cell_type:
            continue
        unchanged = cell.source.strip() == released[grade_id].source.strip()
        if grade_id not in found or not unchanged:
            found[grade_id] = number
    return {number: grade_id for grade_id, number in found.items()}


def _restore(cell: NotebookNode, released: NotebookNode) -> None:
    """Give a cell the released one's metadata, and its text too where students may not write."""
    tag = tag_of(released)
    cell.metadata["nbgrader"] = deepcopy(released.metadata["nbgrader"])
    if not tag.get("solution"):
        cell.source = released.source
        cell.metadata.update(READ_ONLY)
    elif cell.source.strip() == released.source.strip():
        cell.source = released.source  # an answer is unanswered whatever blank lines were added


def _with_missing(cells: list[NotebookNode], skeleton: NotebookNode, present: set[str]) -> list[NotebookNode]:
    """Put deleted graded cells back, each behind the released cell that stands before it."""
    result = list(cells)
    previous: str | None = None
    for released in skeleton.cells:
        grade_id = tag_of(released).get("grade_id")
        if grade_id is None:
            continue
        if grade_id not in present and tag_of(released).get("grade"):
            place = next((n + 1 for n, x in enumerate(result) if tag_of(x).get("grade_id") == previous), None)
            result.insert(len(result) if place is None else place, deepcopy(released))
            present.add(grade_id)
        if grade_id in present:
            previous = grade_id
    return result


def _unique_ids(cells: Iterable[NotebookNode]) -> None:
    seen: set[str] = set()
    for number, cell in enumerate(cells):
        if cell["id"] in seen:
            cell["id"] = fresh_id(f"again-{number}", seen)
        seen.add(cell["id"])


def code_cells(notebook: NotebookNode, skeleton: NotebookNode) -> list[Cell]:
    """The cells to run, numbered by their place."""
    given = {cell.source.strip() for cell in skeleton.cells if not tag_of(cell).get("solution")}
    return [
        Cell(number, cell.source, cell.source.strip() in given)
        for number, cell in enumerate(notebook.cells)
        if cell.cell_type == "code"
    ]


def refuse_stranger(submitted: NotebookNode, skeleton: NotebookNode, names: Iterable[str], file: str) -> None:
    """Raise Unreadable for a notebook that has nothing to do with this part of the assignment."""
    wanted = {tag_of(cell).get("grade_id") for cell in skeleton.cells} - {None}
    wanted |= {cell["id"] for cell in skeleton.cells}
    text = "\n".join(cell.source for cell in submitted.cells if cell.cell_type == "code")
    known = any(tag_of(cell).get("grade_id") in wanted or cell["id"] in wanted for cell in submitted.cells)
    if not known and not any(name in text for name in names):
        part = ", ".join(sorted(names)[:3])
        raise Unreadable(
            f"{file} holds none of this part's exercises ({part}, …): it looks like the notebook of"
            " another assignment; submit the right one."
        )


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


def _behind(diagnosis: Diagnosis) -> str:
    return f"What is behind it: {diagnosis.message}" if diagnosis.sure else diagnosis.message


def feedback_text(result: ExerciseResult, visible_failure: str | None = None) -> str:
    """What a student reads about one exercise."""
    lines = [f"{result.id}: {result.score:g} of {result.max_score:g} points"]
    if visible_failure:
        lines.append(f"The visible example fails: {visible_failure}")
    if result.diagnosis:
        lines.append(_behind(result.diagnosis))
    for check in result.checks:
        mark = {True: "ok ", False: "no ", None: "-- "}[check.passed]
        first, *rest = check.message.splitlines() or [check.name]
        lines.append(f"{mark}{first}")
        if check.passed is False:
            lines += [f"     {line}" for line in rest]
            if check.hint:
                lines.append(f"     Hint: {check.hint}")
    return "\n".join(lines)


MARKS = {
    True: ("✓", "#1a7f37", "passed"),
    False: ("✗", "#b3261e", "not passed"),
    None: ("–", "#666666", "not checked"),
}


def feedback_html(result: ExerciseResult, visible_failure: str | None = None) -> str:
    """The same as a table: all styles inline, all text escaped."""
    rows = []
    if visible_failure:
        rows.append(_row(*MARKS[False], f"The visible example fails: {visible_failure}"))
    if result.diagnosis:
        rows.append(_row("→", "#0550ae", "", _behind(result.diagnosis)))
    for check in result.checks:
        hint = f"Hint: {check.hint}" if check.hint and check.passed is False else ""
        first, *rest = check.message.splitlines() or [check.name]
        rows.append(_row(*MARKS[check.passed], first, rest if check.passed is False else (), hint))
    title = html.escape(f"{result.id}: {result.score:g} of {result.max_score:g} points")
    table = f'<table style="border-collapse: collapse">{"".join(rows)}</table>' if rows else ""
    return f"<div><p><strong>{title}</strong></p>{table}</div>"


def _row(mark: str, color: str, title: str, first: str, rest: Iterable[str] = (), hint: str = "") -> str:
    """One line of the table: a mark, a sentence, and what belongs to it."""
    cell = "padding: 3px 8px; vertical-align: top; text-align: left; white-space: normal"
    text = html.escape(first)
    details = "\n".join(rest)
    if details:
        style = "white-space: pre-wrap; font-size: 90%; margin: 2px 0; padding: 0; border: 0"
        text += f'<pre style="{style}">{html.escape(details)}</pre>'
    if hint:
        text += f"<div><em>{html.escape(hint)}</em></div>"
    sign = f'<td style="{cell}; color: {color}; font-weight: bold" title="{title}">{mark}</td>'
    return f'<tr>{sign}<td style="{cell}">{text}</td></tr>'
