"""Samples that test the graders: correct ones in wheats.py, buggy ones in chaffs.py.

They are parsed and never imported. Each becomes the source of a solution cell, as if a student had written
it, and runs in the sandbox like any student's code.
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
    """Declare that the decorated function or class implements the notebook's `name`."""
    return lambda implementation: implementation


def provides(name: str) -> Callable[[Implementation], Implementation]:
    """Declare that the decorated function returns the value of the notebook's `name`."""
    return lambda implementation: implementation


class Sample(msgspec.Struct, frozen=True):
    """One implementation of an exercise.

    `source` is the solution cell: it defines `target`. `message` is the docstring on one line.
    """

    name: str
    kind: Literal["wheat", "chaff"]
    target: str
    message: str
    source: str


def read_samples(folder: Path) -> list[Sample]:
    """Read the samples in an exercise's folder, correct ones first.

    Raises CourseError if a file is not valid Python, or if a sample lacks its decorator, or a buggy one its
    docstring.
    """
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
        raise CourseError(f"{path}, line {error.lineno}, is not valid Python: {error.msg}.") from None
    shared = [node for node in tree.body if _is_shared(node)]
    samples = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            decorator = _decorator(node)
            message = " ".join((ast.get_docstring(node) or "").split())
            if decorator is None:
                raise CourseError(
                    f"{path}, line {node.lineno}: {node.name} does not say what it replaces: decorate it"
                    ' with @replaces("name"), or start its name with _ if it is a helper.'
                )
            if kind == "chaff" and not message:
                raise CourseError(
                    f"{path}, line {node.lineno}: {node.name} has no docstring: name the misconception behind"
                    " it, in the words that a student should read."
                )
            source = _as_solution(node, decorator, shared)
            samples.append(Sample(node.name, kind, decorator[1], message, source))
    return samples


def _decorator(node: ast.stmt) -> tuple[str, str] | None:
    """The name and the argument of the `replaces` or `provides` decorator."""
    arguments = [_argument(call) for call in getattr(node, "decorator_list", [])]
    return next((found for found in arguments if found is not None), None)


def _argument(call: ast.expr) -> tuple[str, str] | None:
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
        target = call.args[0]
        if call.func.id in ("replaces", "provides") and isinstance(target, ast.Constant):
            return call.func.id, str(target.value)
    return None


def _is_shared(node: ast.stmt) -> bool:
    """Whether any sample in the file may use this statement: an import or a _helper."""
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


def _as_solution(node: Block, decorator: tuple[str, str], shared: list[ast.stmt]) -> str:
    """The sample as a solution cell: the shared statements it uses, then itself under the target's name."""
    how, target = decorator
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
    """The shared statements that this one uses, directly or through others."""
    used: set[str] = set()
    needed: set[int] = set()
    pending: list[ast.stmt] = [node]
    while pending:
        for part in ast.walk(pending.pop()):
            if isinstance(part, ast.Name) and part.id not in used:
                used.add(part.id)
                for number, other in enumerate(shared):
                    if part.id in _defines(other) and number not in needed:
                        needed.add(number)
                        pending.append(other)
    return [other for number, other in enumerate(shared) if number in needed]


def _renamed(text: str, old: str, new: str) -> str:
    """Rename a top-level name, both where it is defined and where it is used."""
    tree = ast.parse(text)
    for part in ast.walk(tree):
        if isinstance(part, ast.Name) and part.id == old:
            part.id = new
        elif isinstance(part, (ast.FunctionDef, ast.ClassDef)) and part.name == old:
            part.name = new
    return ast.unparse(tree)
