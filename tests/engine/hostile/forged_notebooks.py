"""Forgeries: each changes a released notebook to claim points, and none of the changes may count."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

Notebook = dict[str, Any]
TRACE = "forged-41733"
"""Part of every forgery, so that a test notices if it gets through."""
SCRIPT = f"<script>alert('{TRACE}')</script>"


def tags(content: Notebook) -> list[dict[str, Any]]:
    return [cell["metadata"]["nbgrader"] for cell in content["cells"] if "nbgrader" in cell["metadata"]]


def checked_cells(content: Notebook) -> list[dict[str, Any]]:
    """The code cells that carry points."""
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    return [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")]


def result(text: str) -> dict[str, Any]:
    data = {"text/plain": text, "text/html": SCRIPT, "application/javascript": f"alert('{TRACE}')"}
    return {
        "output_type": "execute_result", "execution_count": 1, "metadata": {"note": TRACE}, "data": data,
    }  # fmt: skip


def more_points(content: Notebook) -> None:
    for tag in tags(content):
        tag |= {"points": 100, "note": TRACE}


def claimed_scores(content: Notebook) -> None:
    for tag in tags(content):
        tag |= {"score": 3.0, "auto_score": 3.0, "manual_score": 3.0, "max_score": 3.0, "comment": TRACE}


def claimed_outputs(content: Notebook) -> None:
    for cell in checked_cells(content):
        cell["outputs"] = [result("3"), {"output_type": "stream", "name": "stdout", "text": f"3.0 {TRACE}"}]


def other_tests(content: Notebook) -> None:
    for cell in checked_cells(content):
        cell["source"] = "3.0"
        cell["metadata"]["nbgrader"]["checksum"] = TRACE


def tests_as_solutions(content: Notebook) -> None:
    for cell in checked_cells(content):
        cell["source"] = "3.0"
        cell["metadata"]["nbgrader"] |= {"solution": True, "locked": False, "grade": False, "note": TRACE}


def tests_twice(content: Notebook) -> None:
    for cell in checked_cells(content):
        copy = deepcopy(cell)
        content["cells"].append(copy | {"source": "3.0", "outputs": [result("3")]})


def graded_already(content: Notebook) -> None:
    """What `autograder grade` writes into a notebook that it has graded."""
    exercise = {"id": "count_params", "score": 3.0, "max_score": 3.0, "status": "passed"}
    claimed = {"score": 3.0, "status": "graded", "exercises": [exercise], "message": TRACE}
    content["metadata"]["autograder"] = {"submission": "", "result": claimed}


def other_kernel(content: Notebook) -> None:
    content["metadata"] |= {
        "kernelspec": {"name": TRACE, "language": "bash", "argv": ["/bin/sh", "-c", TRACE]},
        "language_info": {"name": "bash", "pygments_lexer": SCRIPT},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"x": SCRIPT}}},
    }  # fmt: skip


def other_format(content: Notebook) -> None:
    content |= {"nbformat": 99, "nbformat_minor": -1, TRACE: SCRIPT, "metadata": [TRACE]}


def attachments(content: Notebook) -> None:
    for cell in content["cells"]:
        cell["attachments"] = {"x.png": {"text/html": SCRIPT, "image/svg+xml": SCRIPT}}


def paths_as_ids(content: Notebook) -> None:
    for cell in content["cells"]:
        if "nbgrader" not in cell["metadata"]:
            cell["id"] = f"../../../{TRACE}'\n\"<x>"


def invented_exercises(content: Notebook) -> None:
    tag = {"grade_id": f"bonus-{TRACE}", "grade": True, "points": 50, "solution": False, "locked": True}
    cell = {"cell_type": "code", "metadata": {"nbgrader": tag}, "source": "50.0", "outputs": [result("50")]}
    content["cells"].append(cell)


def strange_tags(content: Notebook) -> None:
    for value in (None, [TRACE], TRACE, {"grade_id": {"x": TRACE}}, {"grade_id": 7}, {"grade_id": "../x"}):
        cell = {
            "cell_type": "code",
            "metadata": {"nbgrader": value, "note": TRACE},
            "source": "1",
            "outputs": [],
        }
        content["cells"].append(cell)


FORGERIES: dict[str, Callable[[Notebook], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        more_points, claimed_scores, claimed_outputs, other_tests, tests_as_solutions, tests_twice,
        graded_already, other_kernel, other_format, attachments, paths_as_ids, invented_exercises,
        strange_tags,
    )
}  # fmt: skip
