"""Wheats (right, unusual) and chaffs (wrong, plausible): sample students that test the graders.

They are read as text and never imported: a sample becomes the source of a solution cell, as a student
would have written it, and runs where students' code runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from autograder.core.errors import CourseError

Implementation = TypeVar("Implementation")
Block = ast.FunctionDef | ast.ClassDef


def replaces(name: str) -> Callable[[Implementation], Implementation]:
    """Mark a function or class as an implementation of the notebook's name."""
    return lambda implementation: implementation


def provides(name: str) -> Callable[[Implementation], Implementation]:
    """Mark a function whose return value takes the place of the notebook's name."""
    return lambda implementation: implementation


class Sample(msgspec.Struct, frozen=True):
    """One implementation; `source` defines the notebook's name it stands for."""

    name: str
    kind: Literal["wheat", "chaff"]
    target: str
    message: str
    source: str


def read_samples(folder: Path) -> list[Sample]:
    """The wheats and chaffs of one exercise's folder."""
    kinds: list[tuple[str, Literal["wheat", "chaff"]]] = [
        ("wheats.py", "wheat"),
        ("chaffs.py", "chaff"),
    ]
    found: list[Sample] = []
    for file, kind in kinds:
        path = folder / file
        if path.exists():
            found += _read(path, kind)
    return found


def _read(path: Path, kind: Literal["wheat", "chaff"]) -> list[Sample]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise CourseError(f"{path}, line {error.lineno}, is not Python: {error.msg}.") from None
    shared = [node for node in tree.body if _is_shared(node)]
    samples = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            mark = _mark(node)
            message = " ".join((ast.get_docstring(node) or "").split())
            if mark is None:
                raise CourseError(
                    f"{path}, line {node.lineno}: {node.name} does not say what it stands for: put"
                    ' @replaces("name") above it, or begin its own name with _ if it is a helper.'
                )
            if kind == "chaff" and not message:
                raise CourseError(
                    f"{path}, line {node.lineno}: {node.name} has no docstring: say there which misconception"
                    " is behind it, as a student should read it."
                )
            samples.append(Sample(node.name, kind, mark[1], message, _as_solution(node, mark, shared)))
    return samples


def _mark(node: ast.stmt) -> tuple[str, str] | None:
    """The decorator that says what a block stands for: its name and its argument."""
    arguments = [_argument(call) for call in getattr(node, "decorator_list", [])]
    return next((found for found in arguments if found is not None), None)


def _argument(call: ast.expr) -> tuple[str, str] | None:
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
        target = call.args[0]
        if call.func.id in ("replaces", "provides") and isinstance(target, ast.Constant):
            return call.func.id, str(target.value)
    return None


def _is_shared(node: ast.stmt) -> bool:
    """Imports and _helpers, which every sample of a file may use."""
    if isinstance(node, ast.ImportFrom) and node.module == "autograder.samples":
        return False
    return isinstance(node, (ast.Import, ast.ImportFrom)) or any(n.startswith("_") for n in _defines(node))


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        return [part.id for part in names if isinstance(part.ctx, ast.Store)]
    return []


def _as_solution(node: Block, mark: tuple[str, str], shared: list[ast.stmt]) -> str:
    """The sample as a student's cell: what it needs of the file, then itself under the asked name."""
    how, target = mark
    copy = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(copy, (ast.FunctionDef, ast.ClassDef))
    copy.decorator_list = [call for call in copy.decorator_list if _argument(call) is None]
    if ast.get_docstring(copy) is not None:
        copy.body = copy.body[1:] or [ast.Pass()]
    parts: list[ast.stmt] = [*_needed(node, shared), copy]
    text = "\n\n".join(ast.unparse(part) for part in parts)
    if how == "provides":
        return f"{text}\n\n{target} = {node.name}()\n"
    return _renamed(text, node.name, target) + "\n"


def _needed(node: ast.stmt, shared: list[ast.stmt]) -> list[ast.stmt]:
    """The shared statements that this one uses, by way of others too."""
    used: set[str] = set()
    kept: set[int] = set()
    open_nodes: list[ast.stmt] = [node]
    while open_nodes:
        for part in ast.walk(open_nodes.pop()):
            if isinstance(part, ast.Name) and part.id not in used:
                used.add(part.id)
                for number, other in enumerate(shared):
                    if part.id in _defines(other) and number not in kept:
                        kept.add(number)
                        open_nodes.append(other)
    return [other for number, other in enumerate(shared) if number in kept]


def _renamed(text: str, old: str, new: str) -> str:
    """The text with one top-level name exchanged, where it is defined and where it is used."""
    tree = ast.parse(text)
    for part in ast.walk(tree):
        if isinstance(part, ast.Name) and part.id == old:
            part.id = new
        elif isinstance(part, (ast.FunctionDef, ast.ClassDef)) and part.name == old:
            part.name = new
    return ast.unparse(tree)
