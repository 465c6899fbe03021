"""Solution regions: the lines between two markers, which students write themselves.

The release replaces each region with a stub, the reference solutions keep it without its markers, and the
leak scan makes sure that no line of it is released. All three use this parser.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

# Concatenated, so that a search for the markers finds nothing in this package.
MARKERS = ("BEGIN " + "SOLUTION", "END " + "SOLUTION")
BEGIN, END = (re.compile(rf"^[ \t]*#+[ \t]*{words}[ \t]*$") for words in MARKERS)
MAX_MAGICS, MAX_PARSED = 100, 1_000_000
"""The magics in a cell, and the characters that are parsed for them: each costs another look at the cell."""
MAGIC = re.compile(r"^\s*(%|!|\?)|\?\s*$")


@dataclass(frozen=True, slots=True)
class Region:
    """`begin` and `end` are the line numbers of the markers, from 0.

    `name` is the outermost function or class around them (for a method, its class), which is what the
    exercise asks for; None at module level.
    """

    begin: int
    end: int
    name: str | None


def regions(source: str) -> list[Region]:
    """The solution regions of a code cell.

    Raises ValueError if a marker has no counterpart, and SyntaxError if the cell is not valid Python.
    """
    pairs: list[tuple[int, int]] = []
    begin: int | None = None
    for number, line in enumerate(source.split("\n")):
        if BEGIN.match(line):
            if begin is not None:
                raise ValueError(f"line {number + 1}: a region begins inside another region")
            begin = number
        elif END.match(line):
            if begin is None:
                raise ValueError(f"line {number + 1}: the region that ends here has no beginning")
            pairs.append((begin, number))
            begin = None
    if begin is not None:
        raise ValueError(f"line {begin + 1}: the region that begins here has no end")
    if not pairs:
        return []
    blocks = [
        node
        for node in parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return [Region(first, last, _enclosing(blocks, first + 1)) for first, last in pairs]


def _enclosing(blocks: list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef], line: int) -> str | None:
    for block in blocks:
        if block.lineno <= line <= (block.end_lineno or block.lineno):
            return block.name
    return None


def parse(source: str) -> ast.Module:
    """Parse a cell, ignoring magics. Line numbers are those of the cell. Raises SyntaxError."""
    return ast.parse(without_magics(source))


def without_magics(source: str) -> str:
    """The cell as plain Python with the same number of lines: each IPython magic becomes an empty line.

    Only a line that Python rejects counts as a magic, so a `%` that continues the previous line's formula
    stays. Raises SyntaxError if the cell is not valid Python without its magics.
    """
    lines = source.split("\n")
    for _ in lines[: min(MAX_MAGICS, max(5, MAX_PARSED // (len(source) + 1)))]:
        try:
            ast.parse("\n".join(lines))
            break
        except SyntaxError as error:
            i = (error.lineno or 0) - 1
            if not 0 <= i < len(lines) or not MAGIC.search(lines[i]):
                raise
            indent = lines[i][: len(lines[i]) - len(lines[i].lstrip())]
            # An indented magic may be the only statement of its block, so leave a statement in its place.
            lines[i] = f"{indent}pass" if indent else ""
    return "\n".join(lines)


def defined_names(source: str) -> list[str]:
    """The functions, classes and variables that a cell defines at its top level."""
    names = []
    for node in parse(source).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            bound = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
            names += [part.id for part in bound if isinstance(part.ctx, ast.Store)]
    return names
