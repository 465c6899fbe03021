"""No line of a reference solution or a hidden grader may stand in what students get.

A line tells when, without its comment, it holds four or more names and numbers (keywords and the
words in strings aside): `total += loss.item() * len(y)` tells, `return total / n` does not. It
leaks when its tokens stand, in order, anywhere in the release: in a cell, a comment, prose, an
output, metadata, an attachment, another file; spaces, quotes and line ends make no difference.
"""

from __future__ import annotations

import ast
import base64
import binascii
import contextlib
import html
import io
import json
import keyword
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.core.cells import joined
from autograder.course.solution_regions import parse, regions
from autograder.course.source_notebooks import IGNORED, SourceCell, read_sources

SAMPLES = ("wheats.py", "chaffs.py")
ENOUGH = 4  # names and numbers in a telling line
STRING = r"'(?:\\.|[^'\\])*'" + r'|"(?:\\.|[^"\\])*"'
CODE = re.compile(rf"(?P<string>{STRING})|(?P<comment>#.*)|(?P<word>[^\W\d]\w*|\.?\d[\w.]*)|\S")
TOKEN = re.compile(r"[^\W\d]\w*|\.?\d[\w.]*|\S")
PRINTED = 80  # characters of a line in a message


@dataclass(frozen=True, slots=True)
class Secret:
    """A telling line and where it comes from; `tokens` is how it is compared."""

    tokens: str
    line: str
    origin: str


def find_leaks(root: Path, assignment: str, released: Path | None = None) -> list[str]:
    """One sentence for each telling line that stands in a file below `released`.

    `released` is release/<assignment> unless a release still in the making is named.
    """
    folder = released or root / "release" / assignment
    secrets = _merged([*solution_lines(root, assignment), *grader_lines(root, assignment)])
    found: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        inside = path.relative_to(folder)
        if not any(part in IGNORED for part in inside.parts):
            shown = f"release/{assignment}/{inside.as_posix()}"
            for where, text in _places(path.name, path.read_bytes()):
                place = f"{shown}{where}"
                found += [_sentence(place, secret) for secret in _standing(text, secrets)]
    return list(dict.fromkeys(found))


def _sentence(place: str, secret: Secret) -> str:
    return (
        f"{place} shows `{secret.line[:PRINTED]}`, a line of {secret.origin}: write one of the two"
        " differently in source/ or tests/, then run `autograder release`."
    )


def _merged(secrets: list[Secret]) -> list[Secret]:
    """Each line once, with all the places that it comes from."""
    origins: dict[str, list[Secret]] = {}
    for secret in secrets:
        origins.setdefault(secret.tokens, []).append(secret)
    return [
        replace(same[0], origin=" and ".join(dict.fromkeys(secret.origin for secret in same)))
        for same in origins.values()
    ]


# -- what may not be shown ---------------------------------------------------------------------


def solution_lines(root: Path, assignment: str) -> list[Secret]:
    """The telling lines inside the solution regions of source/<assignment>."""
    secrets = []
    for notebook in read_sources(root, assignment):
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            if not cell.is_solution or cell.kind != "code":
                continue
            spans = [(r.begin + 1, r.end) for r in regions(cell.source)] or [(0, len(lines))]
            inside = {n for begin, end in spans for n in range(begin, end)}
            origin = f"the reference solution {cell.name} in {notebook.shown}"
            secrets += _telling(lines, inside - _harmless(parse(cell.source)), origin)
    return secrets


def grader_lines(root: Path, assignment: str) -> list[Secret]:
    """The telling lines of every Python file below tests/<assignment>.

    The heads of the functions that students are asked for are no secret: the stub shows them. Nor
    are wheats and chaffs: they are what students write anyway, helper lines of the prompt included.
    """
    heads = {
        _code_tokens(line)[0]
        for notebook in read_sources(root, assignment)
        for cell in notebook.cells
        if cell.is_solution and cell.kind == "code"
        for line in _heads(cell)
    }
    secrets = []
    for path in sorted((root / "tests" / assignment).rglob("*.py")):
        if path.name in SAMPLES:
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        try:
            harmless = _harmless(ast.parse(text))
        except SyntaxError:  # half written: every line of it may tell
            harmless = set()
        origin = f"the hidden grader {path.relative_to(root).as_posix()}"
        secrets += _telling(lines, set(range(len(lines))) - harmless, origin)
    return [secret for secret in secrets if secret.tokens not in heads]


def _telling(lines: list[str], numbers: set[int], origin: str) -> list[Secret]:
    secrets = {}
    for number in sorted(numbers):
        tokens, words = _code_tokens(lines[number])
        if words >= ENOUGH:
            secrets[tokens] = Secret(tokens, lines[number].strip(), origin)
    return list(secrets.values())


def _code_tokens(line: str) -> tuple[str, int]:
    """A line of code without its comment, as tokens, and how many names and numbers it holds."""
    kept, words = [], 0
    for match in CODE.finditer(line):
        if match["comment"]:
            break
        kept.append(match[0])
        words += bool(match["word"]) and not keyword.iskeyword(match[0])
    return _tokens(" ".join(kept)), words


def _tokens(text: str) -> str:
    """Tokens parted by one space, with one at either end, so that `in` compares whole tokens."""
    return f" {' '.join(TOKEN.findall(text.replace(chr(39), chr(34))))} "


def _harmless(tree: ast.Module) -> set[int]:
    """The lines (from 0) of imports and docstrings: neither says how a task is solved."""
    harmless: set[int] = set()
    for node in ast.walk(tree):
        docstring = (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        if docstring or isinstance(node, ast.Import | ast.ImportFrom):
            assert isinstance(node, ast.stmt)
            harmless |= set(range(node.lineno - 1, node.end_lineno or node.lineno))
    return harmless


def _heads(cell: SourceCell) -> Iterator[str]:
    """The lines from `def` or `class` to the body, where they stand outside the regions."""
    lines = cell.source.split("\n")
    hidden = {n for region in regions(cell.source) for n in range(region.begin, region.end)}
    for node in ast.walk(parse(cell.source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            last = max(node.lineno, node.body[0].lineno - 1)
            yield from (lines[n] for n in range(node.lineno - 1, last) if n not in hidden)


# -- where it could be shown -------------------------------------------------------------------


def _standing(text: str, secrets: list[Secret]) -> Iterator[Secret]:
    """The secrets whose tokens stand in the text, as it is and with HTML's escapes undone."""
    text = text.replace("\\\n", " ")  # a line that goes on below
    tokens = _tokens(text)
    if "&" in text:
        tokens += _tokens(html.unescape(text))
    for secret in secrets:
        if secret.tokens in tokens:
            yield secret


def _places(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """The texts in a file, each with how a message goes on to say where: `, cell relu`."""
    text = data.decode("utf-8", errors="replace")
    if name.endswith(".ipynb"):
        try:
            notebook = json.loads(text)
            yield from _notebook_places(notebook)
            return
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # no notebook, whatever it is called: searched as plain text
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                for where, inner in _places(member, archive.read(member)):
                    yield f", {member}{where}", inner
        return
    yield "", text


def _notebook_places(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for cell in notebook["cells"]:
        grade_id = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
        where = f", cell {grade_id or cell.get('id', '(no id)')}"
        yield where, joined(cell["source"])
        for part in ("outputs", "metadata", "attachments"):
            for text in _strings(cell.get(part)):
                yield f"{where} ({part})", text
    for text in _strings({k: v for k, v in notebook.items() if k != "cells"}):
        yield ", the notebook's metadata", text


def _strings(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys too; what is base64 also decoded."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        if all(isinstance(line, str) for line in value):
            yield "".join(value)
        else:
            for inner in value:
                yield from _strings(inner)
    elif isinstance(value, str):
        yield value
        # Most texts are no base64, and most base64 is no text: then there is nothing more to say.
        with contextlib.suppress(binascii.Error, ValueError):
            yield base64.b64decode(value, validate=True).decode("utf-8")
