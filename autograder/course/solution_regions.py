"""Solution regions: the lines between two markers, which students write themselves.

One reading of the markers serves the release (a region becomes a stub), the reference solutions
(the markers go, the region stays) and the leak scan (no line of a region may stand in a release).
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

# Put together here so that no line of this package looks like a marker to a search for one.
MARKERS = ("BEGIN " + "SOLUTION", "END " + "SOLUTION")
BEGIN, END = (re.compile(rf"^[ \t]*#+[ \t]*{words}[ \t]*$") for words in MARKERS)
MAGIC = re.compile(r"^\s*(%|!|\?)|\?\s*$")


@dataclass(frozen=True, slots=True)
class Region:
    """Lines `begin` and `end` (from 0) are the markers; `name` is the task around them."""

    begin: int
    end: int
    name: str | None


def regions(source: str) -> list[Region]:
    """The solution regions of a code cell; ValueError says which marker has no partner.

    `name` is the outermost function or class around the region (for a method: its class), which
    is the name that the exercise asks for; None for a region at module level.
    """
    pairs: list[tuple[int, int]] = []
    begin: int | None = None
    for number, line in enumerate(source.split("\n")):
        if BEGIN.match(line):
            if begin is not None:
                raise ValueError(f"line {number + 1}: a region begins inside another one")
            begin = number
        elif END.match(line):
            if begin is None:
                raise ValueError(f"line {number + 1}: a region ends that never began")
            pairs.append((begin, number))
            begin = None
    if begin is not None:
        raise ValueError(f"line {begin + 1}: a region begins and never ends")
    if not pairs:
        return []
    blocks = [
        node
        for node in parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return [Region(first, last, _around(blocks, first + 1)) for first, last in pairs]


def _around(blocks: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef], line: int) -> str | None:
    for block in blocks:
        if block.lineno <= line <= (block.end_lineno or block.lineno):
            return block.name
    return None


def parse(source: str) -> ast.Module:
    """The cell's syntax tree, magics left out, line numbers kept; SyntaxError when it is none."""
    return ast.parse(without_magics(source))


def without_magics(source: str) -> str:
    """The cell as plain Python with as many lines: an IPython magic becomes an empty line.

    Only a line that Python itself refuses is taken for a magic, so a `%` that goes on with a
    formula of the line before stays. SyntaxError when the cell is no Python without its magics.
    """
    lines = source.split("\n")
    for _ in lines:
        try:
            ast.parse("\n".join(lines))
            break
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            if not 0 <= at < len(lines) or not MAGIC.search(lines[at]):
                raise
            indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            # A magic may be all that a block holds, so an indented one leaves a statement.
            lines[at] = f"{indent}pass" if indent else ""
    return "\n".join(lines)


def visible(source: str) -> list[str]:
    """The lines of a cell outside its regions and markers: what a student sees of it."""
    hidden = {n for region in regions(source) for n in range(region.begin, region.end + 1)}
    return [line for n, line in enumerate(source.split("\n")) if n not in hidden]


def defined_names(source: str) -> list[str]:
    """The functions, classes and variables that a cell binds at its top level."""
    names = []
    for node in parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            bound = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
            names += [part.id for part in bound if isinstance(part.ctx, ast.Store)]
    return names
