"""Rewrite a program as another student might: other local names, loops instead of comprehensions.

This tests the diagnosis: a buggy sample in another style should get the same one.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator


def restyled(source: str) -> str:
    """The program with other local names, loops for comprehensions and ifs for conditional expressions."""
    tree = ast.parse(source)
    for node in tree.body:
        for block in _functions(node):
            _WriteOut().visit(block)
            _rename(block)
    return ast.unparse(ast.fix_missing_locations(tree))


def _functions(node: ast.stmt) -> Iterator[ast.FunctionDef]:
    """The outermost functions only: inner ones share their names."""
    if isinstance(node, ast.FunctionDef):
        yield node
    elif isinstance(node, ast.ClassDef):
        for part in node.body:
            yield from _functions(part)


class _WriteOut(ast.NodeTransformer):
    """Turn comprehensions that are assigned or returned into loops, and conditional expressions into ifs."""

    def __init__(self) -> None:
        self.counter = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [part for x in node.body for part in self._statements(x)]
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """Leave it as it is: on a tensor or a list, `x += y` works in place and `x = x + y` does not."""
        return node

    def _statements(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.Return) and isinstance(node.value, (ast.ListComp, ast.IfExp)):
            self.counter += 1
            name = f"outcome_{self.counter}"
            first = ast.Assign([ast.Name(name, ast.Store())], node.value)
            return [*self._statements(first), ast.Return(ast.Name(name, ast.Load()))]
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            return self._assignment(node.targets[0], node.value, node)
        return [node]

    def _assignment(self, target: ast.Name, value: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(value, ast.IfExp):
            yes, no = ast.Assign([target], value.body), ast.Assign([target], value.orelse)
            return [ast.If(value.test, self._statements(yes), self._statements(no))]
        names = {x.id for x in ast.walk(value) if isinstance(x, ast.Name)}
        if isinstance(value, ast.ListComp) and len(value.generators) == 1 and target.id not in names:
            loop = value.generators[0]
            self._rename_loop_variables(value, loop.target)
            add = ast.Attribute(ast.Name(target.id, ast.Load()), "append", ast.Load())
            inner: ast.stmt = ast.Expr(ast.Call(add, [value.elt], []))
            for test in reversed(loop.ifs):
                inner = ast.If(test, [inner], [])
            return [
                ast.Assign([target], ast.List([], ast.Load())),
                ast.For(loop.target, loop.iter, [inner], []),
            ]
        return [node]

    def _rename_loop_variables(self, comprehension: ast.ListComp, target: ast.expr) -> None:
        """Make the names of a comprehension's variables unique: in a loop they stay bound afterwards."""
        self.counter += 1
        bound = {x.id for x in ast.walk(target) if isinstance(x, ast.Name)}
        for node in ast.walk(comprehension):
            if isinstance(node, ast.Name) and node.id in bound:
                node.id = f"{node.id}_of_{self.counter}"


def _rename(function: ast.FunctionDef) -> None:
    """Rename every local name except parameters."""
    nodes = list(ast.walk(function))
    if any(isinstance(x, ast.ClassDef) for x in nodes):  # its names are attributes too
        return
    fixed = {x.arg for x in nodes if isinstance(x, ast.arg)} | set(dir(builtins))
    fixed |= {name for x in nodes if isinstance(x, (ast.Global, ast.Nonlocal)) for name in x.names}
    fixed |= {x.name for x in nodes if isinstance(x, (ast.FunctionDef, ast.ClassDef))}
    fixed |= {
        alias.asname or alias.name
        for x in nodes
        if isinstance(x, (ast.Import, ast.ImportFrom))
        for alias in x.names
    }
    stored = {x.id for x in nodes if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)} - fixed
    taken = fixed | {x.id for x in nodes if isinstance(x, ast.Name)}
    new_names = {name: f"my_{name}" for name in stored if f"my_{name}" not in taken}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in new_names:
            node.id = new_names[node.id]
        elif isinstance(node, ast.ExceptHandler) and node.name in new_names:
            node.name = new_names[node.name]
