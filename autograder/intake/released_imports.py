"""The imports of a released notebook, as one cell to run before a student's first.

A student may put a line above the imports that fails, or change the cell they are in. What the notebook was
released with is there all the same.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from autograder.core.cells import tag_of
from autograder.core.records import PRELUDE, CodeCell
from autograder.course.solution_regions import parse

if TYPE_CHECKING:
    from nbformat import NotebookNode


def prelude(skeleton: NotebookNode) -> CodeCell:
    """The imports in the cells of the released notebook that are nobody's to solve, one per line."""
    lines: dict[str, None] = {}
    for cell in skeleton.cells:
        tag = tag_of(cell)
        if cell.cell_type == "code" and not tag.get("solution") and not tag.get("grade"):
            lines |= dict.fromkeys(_imports(cell.source))
    return CodeCell(PRELUDE, "\n".join(lines))


@lru_cache(maxsize=1024)
def _imports(source: str) -> tuple[str, ...]:
    """The imports at the top level of a cell, in their order; none if it is not Python."""
    try:
        body = parse(source).body
    except SyntaxError:  # such as a %%bash cell
        return ()
    found = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return tuple(ast.unparse(node) for node in found if getattr(node, "module", None) != "__future__")
