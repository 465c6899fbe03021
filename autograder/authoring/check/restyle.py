"""The same program as another student would write it: other names, loops for comprehensions.

It measures the diagnosis: who makes a chaff's mistake in other words should be told the same.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator


def restyled(source: str) -> str:
    """The program with other local names, and comprehensions and choices written out."""
    tree = ast.parse(source)
    for node in tree.body:
        for block in _functions(node):
            _Longer().visit(block)
            _rename(block)
    return ast.unparse(ast.fix_missing_locations(tree))


def _functions(node: ast.stmt) -> Iterator[ast.FunctionDef]:
    """The outermost functions: inner ones share names with those around them."""
    if isinstance(node, ast.FunctionDef):
        yield node
    elif isinstance(node, ast.ClassDef):
        for part in node.body:
            yield from _functions(part)


class _Longer(ast.NodeTransformer):
    """`x = [f(a) for a in b]` and `return ...` become loops; `x = a if c else b` becomes an if."""

    def __init__(self) -> None:
        self.made = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.body = [part for x in node.body for part in self._longer(x)]
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """On names alone, and never for tensors' sake changed: `x += 1` may change x in place."""
        return node

    def _longer(self, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(node, ast.Return) and isinstance(node.value, (ast.ListComp, ast.IfExp)):
            self.made += 1
            name = f"outcome_{self.made}"
            first = ast.Assign([ast.Name(name, ast.Store())], node.value)
            return [*self._longer(first), ast.Return(ast.Name(name, ast.Load()))]
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            return self._assigned(node.targets[0], node.value, node)
        return [node]

    def _assigned(self, target: ast.Name, value: ast.expr, node: ast.stmt) -> list[ast.stmt]:
        if isinstance(value, ast.IfExp):
            yes, no = ast.Assign([target], value.body), ast.Assign([target], value.orelse)
            return [ast.If(value.test, self._longer(yes), self._longer(no))]
        names = {x.id for x in ast.walk(value) if isinstance(x, ast.Name)}
        if isinstance(value, ast.ListComp) and len(value.generators) == 1 and target.id not in names:
            loop = value.generators[0]
            self._own_names(value, loop.target)
            add = ast.Attribute(ast.Name(target.id, ast.Load()), "append", ast.Load())
            inner: ast.stmt = ast.Expr(ast.Call(add, [value.elt], []))
            for test in reversed(loop.ifs):
                inner = ast.If(test, [inner], [])
            return [
                ast.Assign([target], ast.List([], ast.Load())),
                ast.For(loop.target, loop.iter, [inner], []),
            ]
        return [node]

    def _own_names(self, comprehension: ast.ListComp, target: ast.expr) -> None:
        """A loop's variable lives on after it: it gets a name that nothing else has."""
        self.made += 1
        bound = {x.id for x in ast.walk(target) if isinstance(x, ast.Name)}
        for node in ast.walk(comprehension):
            if isinstance(node, ast.Name) and node.id in bound:
                node.id = f"{node.id}_of_{self.made}"


def _rename(function: ast.FunctionDef) -> None:
    """Give every local name that is no parameter another one."""
    nodes = list(ast.walk(function))
    if any(isinstance(x, ast.ClassDef) for x in nodes):  # whose names are attributes, too
        return
    kept = {x.arg for x in nodes if isinstance(x, ast.arg)} | set(dir(builtins))
    kept |= {name for x in nodes if isinstance(x, (ast.Global, ast.Nonlocal)) for name in x.names}
    kept |= {x.name for x in nodes if isinstance(x, (ast.FunctionDef, ast.ClassDef))}
    kept |= {
        alias.asname or alias.name
        for x in nodes
        if isinstance(x, (ast.Import, ast.ImportFrom))
        for alias in x.names
    }
    stored = {x.id for x in nodes if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)} - kept
    every = kept | {x.id for x in nodes if isinstance(x, ast.Name)}
    other = {name: f"my_{name}" for name in stored if f"my_{name}" not in every}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in other:
            node.id = other[node.id]
        elif isinstance(node, ast.ExceptHandler) and node.name in other:
            node.name = other[node.name]
