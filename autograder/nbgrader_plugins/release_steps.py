"""The release step that replaces solutions with stubs."""

from __future__ import annotations

from typing import Any

from nbgrader import utils
from nbgrader.preprocessors import ClearSolutions

from autograder.core import wording
from autograder.course.solution_regions import regions


class NamedStubs(ClearSolutions):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's ClearSolutions, but with stubs that name what is to be written.

    Each solution region becomes `raise NotImplementedError("relu is not written yet")`. The name is that of
    the function or class around it, or of the exercise at module level. A code cell without regions becomes a
    single stub. Markdown and other languages are left to nbgrader.
    """

    def _replace_solution_region(self, cell: Any, language: str) -> bool:
        if cell.cell_type != "code" or language != "python":
            return bool(super()._replace_solution_region(cell, language))
        lines = cell.source.split("\n")
        found = regions(cell.source)
        for region in reversed(found):
            indent = lines[region.begin][: -len(lines[region.begin].lstrip())]
            stub = indent + _stub(region.name or _exercise(cell))
            lines[region.begin : region.end + 1] = [stub]
        cell.source = "\n".join(lines)
        return bool(found)

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        python = cell.cell_type == "code" and resources["language"] == "python"
        whole = python and utils.is_solution(cell) and not regions(cell.source)
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if whole:
            cell.source = f"{wording.YOUR_CODE_HERE}\n{_stub(_exercise(cell))}"
        return cell, resources


def _stub(name: str) -> str:
    return f'raise NotImplementedError("{wording.not_written_yet(name)}")'


def _exercise(cell: Any) -> str:
    """The exercise that a solution cell belongs to: `claims` if its grade_id is `claims_solution`."""
    grade_id = str(cell.metadata.get("nbgrader", {}).get("grade_id", "this task"))
    return grade_id.removesuffix("_solution")
