"""First-order mutants of the reference solutions: each makes one small change in the syntax tree.

A mutant that gets full marks reveals a hole in the grader, unless it is just as correct as the reference:
then it is an equivalent mutant, recorded with the reason in the exercise's equivalent_mutants.toml.
"""

from __future__ import annotations

import ast
import copy
import difflib
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.course.reference_solutions import without_markers
from autograder.course.solution_regions import defined_names

Change = Callable[[Any], ast.AST | None]

OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div,), ast.Mod: (ast.Mult,), ast.Pow: (ast.Mult,),
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
PAIRS = [
    ("max", "min"), ("sum", "mean"), ("eval", "train"), ("argmax", "argmin"), ("any", "all"),
    ("zeros", "ones"), ("zeros_like", "ones_like"), ("log", "exp"), ("ge", "gt"), ("append", "insert"),
]  # fmt: skip
COUNTERPARTS = dict(PAIRS) | {b: a for a, b in PAIRS}
NEVER_DROPPED = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass, ast.Return, ast.Global)


def mutants_of(course: Course, exercise: str) -> list[tuple[str, str]]:
    """Name and source of every mutant of an exercise's reference solution.

    Each first unbinds the names that the reference before it has bound; otherwise a definition that the
    mutant drops would still be there.
    """
    source = without_markers(course.cell(f"{exercise}_solution"))
    unbind = f"for _name in {defined_names(source)}:\n    globals().pop(_name, None)\n"
    return [(name, unbind + text) for name, text in mutants(source)]


def mutants(source: str) -> list[tuple[str, str]]:
    """Name and source of every mutant of a program; no two have the same name or the same source."""
    tree = ast.parse(source)
    _strip_docstrings(tree)
    plain = ast.unparse(tree)
    found: dict[str, str] = {}
    for index, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            fresh = copy.deepcopy(tree)
            target = next(x for n, x in enumerate(ast.walk(fresh)) if n == index)
            new = change(copy.deepcopy(target))  # a copy: _Replace leaves targets inside messages as they are
            mutated = ast.unparse(ast.fix_missing_locations(_Replace(target, new).visit(fresh)))
            if mutated != plain:
                found.setdefault(mutated, _changed_lines(plain, mutated))
    return _numbered([(name, text) for text, name in found.items()])


def _strip_docstrings(tree: ast.AST) -> None:
    """Drop docstrings: mutating one changes nothing."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]


class _Replace(ast.NodeTransformer):
    """Replace one node by another; None drops a statement."""

    def __init__(self, old: ast.AST, new: ast.AST | None) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> Any:
        if node is self.old:
            return ast.Pass() if self.new is None else self.new
        if isinstance(node, (ast.Raise, ast.JoinedStr)) and not isinstance(self.old, ast.stmt):
            return node  # the wording of a message is never a mistake
        return self.generic_visit(node)


def _changed_lines(before: str, after: str) -> str:
    """The lines that a mutant changes, as `old  =>  new`; this is its name."""
    old, new = [], []
    for line in difflib.ndiff(before.splitlines(), after.splitlines()):
        if line.startswith("- "):
            old.append(line[2:].strip())
        elif line.startswith("+ "):
            new.append(line[2:].strip())
    return f"{_shorten(old)}  =>  {_shorten(new)}"


def _shorten(lines: list[str]) -> str:
    return " / ".join(lines[:2]) + (" / …" if len(lines) > 2 else "")


def _numbered(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Number the later ones of several mutants that change identical lines."""
    seen: dict[str, int] = {}
    named = []
    for name, text in found:
        seen[name] = seen.get(name, 0) + 1
        named.append((f"{name}  (place {seen[name]})" if seen[name] > 1 else name, text))
    return named


def _changes(node: ast.AST) -> Iterator[Change]:
    """All small changes to one node."""
    if isinstance(node, ast.stmt):
        yield from _statements(node)
    if isinstance(node, (ast.BinOp, ast.AugAssign)):
        yield from (_set("op", other()) for other in OPERATORS.get(type(node.op), ()))
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from (_set("ops", [other()]) for other in COMPARISONS.get(type(node.ops[0]), ()))
    elif isinstance(node, ast.BoolOp):
        yield _set("op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from (_pick("values", number) for number in range(len(node.values)))
    elif isinstance(node, ast.UnaryOp):
        yield lambda x: x.operand
    elif isinstance(node, ast.IfExp):
        yield lambda x: x.body
        yield lambda x: x.orelse
    elif isinstance(node, ast.Constant):
        yield from (_set("value", value) for value in _constants(node.value))
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Attribute) and node.attr in COUNTERPARTS:
        yield _set("attr", COUNTERPARTS[node.attr])
    elif isinstance(node, ast.Name) and node.id in COUNTERPARTS:
        yield _set("id", COUNTERPARTS[node.id])


def _statements(node: ast.stmt) -> Iterator[Change]:
    if not isinstance(node, NEVER_DROPPED):
        yield lambda x: None
    if isinstance(node, ast.Return) and node.value is not None:
        yield _set("value", ast.Constant(None))
    elif isinstance(node, (ast.If, ast.While)):
        yield _set("test", ast.Constant(False))
        if isinstance(node, ast.If):
            yield _set("test", ast.Constant(True))
    elif isinstance(node, ast.With):
        yield lambda x: ast.If(ast.Constant(True), x.body, [])
    elif isinstance(node, ast.AugAssign):
        yield lambda x: ast.Assign([x.target], x.value)
    elif isinstance(node, ast.Break):
        yield lambda x: ast.Continue()
    elif isinstance(node, ast.Continue):
        yield lambda x: ast.Break()
    elif isinstance(node, ast.For):
        yield lambda x: ast.For(x.target, x.iter, [*x.body, ast.Break()], x.orelse)
    elif isinstance(node, ast.FunctionDef) and node.decorator_list:
        yield _set("decorator_list", [])


def _constants(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    if isinstance(value, float):
        return [value + 1.0, value * 2]
    return [f"{value}_"] if isinstance(value, str) else []


def _calls(node: ast.Call) -> Iterator[Change]:
    """Swap the first two arguments, drop one, or drop the call of a method and keep its object."""
    if len(node.args) >= 2:
        yield lambda x: ast.Call(x.func, [x.args[1], x.args[0], *x.args[2:]], x.keywords)
    for number in range(len(node.args)) if len(node.args) > 1 else ():
        yield _without("args", number)
    for number in range(len(node.keywords)):
        yield _without("keywords", number)
    if isinstance(node.func, ast.Attribute) and not (node.args and node.func.attr not in ("to", "flatten")):
        yield lambda x: x.func.value


def _set(field: str, value: Any) -> Change:
    def change(node: Any) -> ast.AST:
        setattr(node, field, value)
        return node  # type: ignore[no-any-return]

    return change


def _pick(field: str, number: int) -> Change:
    return lambda node: getattr(node, field)[number]


def _without(field: str, number: int) -> Change:
    def change(node: Any) -> ast.AST:
        del getattr(node, field)[number]
        return node  # type: ignore[no-any-return]

    return change


def read_equivalents(folder: Path) -> dict[str, str]:
    """The exercise's equivalent mutants by name, each with the reason why it is not a mistake.

    Raises CourseError if the file is malformed or a reason is missing.
    """
    path = folder / "equivalent_mutants.toml"
    if not path.exists():
        return {}
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["equivalent"]
        found = {str(entry["mutant"]): str(entry["reason"]) for entry in entries}
    except (ValueError, KeyError, TypeError) as error:  # not TOML, or not UTF-8
        raise CourseError(
            f"{path} is not a list of [[equivalent]] entries with mutant and reason: {error}."
        ) from None
    for mutant, reason in found.items():
        if not reason.strip():
            raise CourseError(f"{path}: say why this mutant is not a mistake: {mutant}")
    return found
