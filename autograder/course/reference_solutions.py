"""Reference solutions as modules: the imports and solution cells of a source notebook.

No formatter is used, so a new version of one cannot make the committed files out of date.
"""

from __future__ import annotations

import ast
import sys

from autograder.course.solution_regions import BEGIN, END, parse, without_magics
from autograder.course.source_notebooks import SourceCell, SourceNotebook

HEADER = '''\
"""Reference solutions of {name}.

Made from {shown}: do not edit, run `autograder release`.
"""
'''

Import = ast.Import | ast.ImportFrom


def solution_module(notebook: SourceNotebook) -> str:
    """The text of solutions/<assignment>/<notebook>.py: the imports in use, then the solution cells."""
    imports: list[Import] = []
    bodies: list[str] = []
    for cell in notebook.cells:
        if cell.kind != "code" or cell.is_grade:
            continue
        if cell.is_solution:
            bodies.append(without_markers(cell))
        else:
            imports += only_imports(cell.source) or []
    used = {node.id for body in bodies for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    header = HEADER.format(name=notebook.name, shown=notebook.shown)
    lines = _import_lines(imports, used)
    top = header + ("\n" + "\n".join(lines) + "\n" if lines else "")
    return "\n\n".join([top, *(f"{body}\n" for body in bodies if body)])


def without_markers(cell: SourceCell) -> str:
    """The solved cell: its source without markers, magics and trailing whitespace."""
    lines = [
        line.rstrip()
        for line in without_magics(cell.source).split("\n")
        if not BEGIN.match(line) and not END.match(line)
    ]
    return "\n".join(lines).strip("\n")


def only_imports(source: str) -> list[Import] | None:
    """The imports of a cell that contains nothing else, apart from comments; None for any other cell.

    A cell that does more is a worked example, and may call functions that are not written yet.
    """
    try:
        body = parse(source).body
    except SyntaxError:  # not Python, such as a %%bash cell
        return None
    found = [node for node in body if isinstance(node, Import)]
    return found if len(found) == len(body) else None


def _import_lines(imports: list[Import], used: set[str]) -> list[str]:
    """The imports that bind the `used` names, one per line, grouped and sorted as ruff sorts them."""
    lines: set[tuple[int, bool, str]] = set()
    members: dict[str, set[tuple[str, str | None]]] = {}
    for node in imports:
        for alias in node.names:
            bound = alias.asname or alias.name.split(".")[0]
            if isinstance(node, ast.Import) and bound in used:
                lines.add((_group(alias.name), False, ast.unparse(ast.Import([alias]))))
            elif isinstance(node, ast.ImportFrom) and (
                bound in used or node.module == "__future__" or alias.name == "*"
            ):
                module = "." * node.level + (node.module or "")
                members.setdefault(module, set()).add((alias.name, alias.asname))
    for module, names in members.items():
        listed = ", ".join(f"{n} as {a}" if a else n for n, a in sorted(names, key=str))
        lines.add((_group(module), True, f"from {module} import {listed}"))
    return _grouped(sorted(lines))


def _grouped(lines: list[tuple[int, bool, str]]) -> list[str]:
    """Separate the groups by empty lines."""
    out: list[str] = []
    for i, (group, _, text) in enumerate(lines):
        if i and group != lines[i - 1][0]:
            out.append("")
        out.append(text)
    return out


def _group(module: str) -> int:
    """0 for __future__, 1 for the standard library, 2 for everything else."""
    top = module.split(".", maxsplit=1)[0]
    return 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2
