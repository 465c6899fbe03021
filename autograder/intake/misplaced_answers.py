"""Answers that a student wrote elsewhere than in the solution cell: they count all the same.

Inside the test cell, an answer would be lost when the released text of that cell is restored. In a cell of
the student's own, it would be overwritten by a stub below it that was left, or copied, as it was released.
In a solution cell that one wrong key has turned into Markdown or raw text, it would not run.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING

from autograder.core import wording
from autograder.core.cells import is_solution, tag_of
from autograder.course.solution_regions import parse
from autograder.intake.notebook_file import fresh_id

if TYPE_CHECKING:
    from nbformat import NotebookNode

MAX_CELL, MAX_NOTEBOOK = 400_000, 2_000_000
"""Characters of code that are looked at: the grader itself parses them, and nobody writes so many."""
Asked = Mapping[str, Collection[str]]
"""The names that each exercise asks for."""


def copy_answers_from_tests(submitted: NotebookNode, skeleton: NotebookNode, asked: Asked) -> None:
    """Copy each test cell that the student wrote an answer into to a cell of its own, just above it."""
    tests = {
        tag["grade_id"]: cell for cell in skeleton.cells if (tag := tag_of(cell)).get("grade_id") in asked
    }
    ids = {cell["id"]: grade_id for grade_id, cell in tests.items()}
    taken = {cell["id"] for cell in submitted.cells}
    cells: list[NotebookNode] = []
    for cell in submitted.cells:
        exercise = tag_of(cell).get("grade_id") or ids.get(cell["id"], "")
        edited = exercise in tests and cell.source.strip() != tests[exercise].source.strip()
        if edited and cell.cell_type == "code" and bound_names(cell.source) & set(asked[exercise]):
            copy = deepcopy(cell)
            copy["id"] = fresh_id(f"answer-{len(cells)}", taken)
            taken.add(copy["id"])
            copy.metadata.clear()
            cells.append(copy)
        cells.append(cell)
    submitted.cells = cells


def turn_answers_into_code(submitted: NotebookNode, skeleton: NotebookNode, asked: Asked) -> None:
    """Turn solution cells that are Markdown or raw text back into code if the answer is nowhere else."""
    ids = {cell["id"]: tag_of(cell)["grade_id"] for cell in skeleton.cells if is_solution(cell)}
    texts_only = [cell for cell in submitted.cells if cell.cell_type != "code"]
    named = [(str(tag_of(cell).get("grade_id") or ids.get(cell["id"])), cell) for cell in texts_only]
    candidates = [(grade_id, cell) for grade_id, cell in named if grade_id in ids.values()]
    if not candidates:  # as in nearly every notebook, whose code then need not be parsed
        return
    texts = [cell.source for cell in submitted.cells if cell.cell_type == "code"]
    nodes = [node for text in texts for node in statements(text)]
    answered = set(_bound(node for node in nodes if wording.NOT_WRITTEN not in _text(node)))
    for grade_id, cell in candidates:
        wanted = set(asked.get(grade_id.removesuffix("_solution"), ()))
        if wanted & bound_names(cell.source) and not wanted & answered:
            cell.update(cell_type="code", outputs=[], execution_count=None)
            cell.pop("attachments", None)


def without_answered_stubs(notebook: NotebookNode, skeleton: NotebookNode, asked: Asked) -> dict[int, str]:
    """The sources of the code cells by position, without stubs whose names the student defines elsewhere.

    Line numbers stay the same.
    """
    sources = {n: cell.source for n, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
    if not any(wording.NOT_WRITTEN in text for text in sources.values()):
        return sources  # all is written: nothing has to be parsed
    stubs: dict[str, frozenset[str]] = {}
    for cell in skeleton.cells:
        if is_solution(cell):
            names = frozenset(asked.get(tag_of(cell)["grade_id"].removesuffix("_solution"), ()))
            stubs |= {_text(node): _names_of_stub(node, names) for node in _stubs(cell.source)}
    released = {cell.source.strip() for cell in skeleton.cells}
    if sum(len(text) for text in sources.values() if len(text) <= MAX_CELL) > MAX_NOTEBOOK:
        return sources
    own = [node for text in sources.values() if text.strip() not in released for node in statements(text)]
    answered = {name for node in own if _text(node) not in stubs for name in _bound([node])}
    return {number: _without(text, stubs, answered) for number, text in sources.items()}


def _stubs(source: str) -> list[ast.stmt]:
    return [node for node in statements(source) if wording.NOT_WRITTEN in _text(node)]


def _names_of_stub(node: ast.stmt, asked: frozenset[str]) -> frozenset[str]:
    """What a stub stands for: its own name or, if it is no definition, all that its exercise asks for."""
    name = getattr(node, "name", None)
    return frozenset([name]) if name else asked


def _without(source: str, stubs: Mapping[str, frozenset[str]], answered: Collection[str]) -> str:
    if wording.NOT_WRITTEN not in source:
        return source
    lines = source.split("\n")
    for node in statements(source):
        if not stubs.get(_text(node), frozenset()).isdisjoint(answered):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or 0) - node.lineno + 1)
    return "\n".join(lines)


def bound_names(source: str) -> set[str]:
    """The names that a cell may bind when it runs; none if it is not valid Python."""
    return set(_bound(statements(source)))


def statements(source: str) -> list[ast.stmt]:
    """The statements of a cell; none if it is not valid Python, or longer than any answer."""
    if len(source) > MAX_CELL:
        return []
    try:
        return parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # what Python's parser raises for odd text
        return []


def _text(node: ast.stmt) -> str:
    """The statement in one spelling; empty for one that Python cannot write, and so is no stub."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):  # nested too deeply, or a number of thousands of digits
        return ""


def _bound(body: Iterable[ast.stmt]) -> Iterator[str]:
    """The names that these statements bind, inside branches, loops and with-blocks, too."""
    todo = list(body)
    while todo:  # a chain of a thousand elifs is nested a thousand times
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            stored = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
            yield from (part.id for part in stored if isinstance(part.ctx, ast.Store))
        else:
            for block in ("body", "orelse", "finalbody", "handlers"):
                for part in getattr(node, block, []):
                    todo += part.body if isinstance(part, ast.ExceptHandler) else [part]
