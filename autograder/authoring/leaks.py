"""Find lines of a reference solution or hidden grader that students could read in the release.

Only distinctive lines count: those with at least four names and numbers, apart from comments, keywords and
words in strings. `total += loss.item() * len(y)` is distinctive, `return total / n` is not. A line leaks if
its tokens occur in sequence anywhere in the release: in a cell, a comment, prose, an output, metadata, an
attachment or another file. Whitespace, line breaks and the kind of quotes make no difference.
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
MIN_WORDS = 4  # names and numbers that make a line distinctive
STRING = r"'(?:\\.|[^'\\])*'" + r'|"(?:\\.|[^"\\])*"'
CODE = re.compile(rf"(?P<string>{STRING})|(?P<comment>#.*)|(?P<word>[^\W\d]\w*|\.?\d[\w.]*)|\S")
TOKEN = re.compile(r"[^\W\d]\w*|\.?\d[\w.]*|\S")
MAX_SHOWN = 80  # characters of a leaked line in a message


@dataclass(frozen=True, slots=True)
class Secret:
    """A distinctive line and where it comes from; `tokens` is the form that is compared."""

    tokens: str
    line: str
    origin: str


def find_leaks(root: Path, assignment: str, released: Path | None = None) -> list[str]:
    """One sentence for each leak in the folder `released`, by default release/<assignment>."""
    folder = released or root / "release" / assignment
    secrets = _merged([*solution_lines(root, assignment), *grader_lines(root, assignment)])
    found: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        inside = path.relative_to(folder)
        if not any(part in IGNORED for part in inside.parts):
            shown = f"release/{assignment}/{inside.as_posix()}"
            for where, text in _texts(path.name, path.read_bytes()):
                place = f"{shown}{where}"
                found += [_sentence(place, secret) for secret in _leaked(text, secrets)]
    return list(dict.fromkeys(found))


def _sentence(place: str, secret: Secret) -> str:
    return (
        f"{place} shows `{secret.line[:MAX_SHOWN]}`, a line of {secret.origin}: reword one of the two in"
        " source/ or tests/, then run `autograder release`."
    )


def _merged(secrets: list[Secret]) -> list[Secret]:
    """List each line once, with every place that it comes from."""
    origins: dict[str, list[Secret]] = {}
    for secret in secrets:
        origins.setdefault(secret.tokens, []).append(secret)
    return [
        replace(same[0], origin=" and ".join(dict.fromkeys(secret.origin for secret in same)))
        for same in origins.values()
    ]


# -- what must not be released -----------------------------------------------------------------


def solution_lines(root: Path, assignment: str) -> list[Secret]:
    """The distinctive lines inside the solution regions of source/<assignment>."""
    secrets = []
    for notebook in read_sources(root, assignment):
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            if not cell.is_solution or cell.kind != "code":
                continue
            spans = [(r.begin + 1, r.end) for r in regions(cell.source)] or [(0, len(lines))]
            inside = {n for begin, end in spans for n in range(begin, end)}
            origin = f"the reference solution {cell.name} in {notebook.shown}"
            secrets += _distinctive(lines, inside - _exempt_lines(parse(cell.source)), origin)
    return secrets


def grader_lines(root: Path, assignment: str) -> list[Secret]:
    """The distinctive lines of every Python file in tests/<assignment>, except for samples.

    Samples are what students write anyway, and may use lines that the prompt gives. The signatures of the
    functions that students write are not secret either, since the stub shows them.
    """
    signatures = {
        _code_tokens(line)[0]
        for notebook in read_sources(root, assignment)
        for cell in notebook.cells
        if cell.is_solution and cell.kind == "code"
        for line in _signatures(cell)
    }
    secrets = []
    for path in sorted((root / "tests" / assignment).rglob("*.py")):
        if path.name in SAMPLES:
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        try:
            exempt = _exempt_lines(ast.parse(text))
        except SyntaxError:  # still being written: nothing is exempt
            exempt = set()
        origin = f"the hidden grader {path.relative_to(root).as_posix()}"
        secrets += _distinctive(lines, set(range(len(lines))) - exempt, origin)
    return [secret for secret in secrets if secret.tokens not in signatures]


def _distinctive(lines: list[str], numbers: set[int], origin: str) -> list[Secret]:
    secrets = {}
    for number in sorted(numbers):
        tokens, words = _code_tokens(lines[number])
        if words >= MIN_WORDS:
            secrets[tokens] = Secret(tokens, lines[number].strip(), origin)
    return list(secrets.values())


def _code_tokens(line: str) -> tuple[str, int]:
    """The tokens of a line of code without its comment, and how many names and numbers are among them."""
    tokens, words = [], 0
    for match in CODE.finditer(line):
        if match["comment"]:
            break
        tokens.append(match[0])
        words += bool(match["word"]) and not keyword.iskeyword(match[0])
    return _tokens(" ".join(tokens)), words


def _tokens(text: str) -> str:
    """The tokens with a space around each, so that `in` compares whole tokens."""
    return f" {' '.join(TOKEN.findall(text.replace(chr(39), chr(34))))} "


def _exempt_lines(tree: ast.Module) -> set[int]:
    """The line numbers, from 0, of imports and docstrings, which do not say how a task is solved."""
    exempt: set[int] = set()
    for node in ast.walk(tree):
        docstring = (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        )
        if docstring or isinstance(node, ast.Import | ast.ImportFrom):
            assert isinstance(node, ast.stmt)
            exempt |= set(range(node.lineno - 1, node.end_lineno or node.lineno))
    return exempt


def _signatures(cell: SourceCell) -> Iterator[str]:
    """The lines from each `def` or `class` to its body, except those inside a solution region."""
    lines = cell.source.split("\n")
    hidden = {n for region in regions(cell.source) for n in range(region.begin, region.end)}
    for node in ast.walk(parse(cell.source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            last = max(node.lineno, node.body[0].lineno - 1)
            yield from (lines[n] for n in range(node.lineno - 1, last) if n not in hidden)


# -- where it could leak -----------------------------------------------------------------------


def _leaked(text: str, secrets: list[Secret]) -> Iterator[Secret]:
    """The secrets that the text contains, either as it is or with HTML entities decoded."""
    text = text.replace("\\\n", " ")  # a continued line
    tokens = _tokens(text)
    if "&" in text:
        tokens += _tokens(html.unescape(text))
    for secret in secrets:
        if secret.tokens in tokens:
            yield secret


def _texts(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """The texts in a file, each with its place as a suffix to the file name: `, cell relu`."""
    text = data.decode("utf-8", errors="replace")
    if name.endswith(".ipynb"):
        try:
            notebook = json.loads(text)
            yield from _notebook_texts(notebook)
            return
        except (ValueError, KeyError, TypeError, AttributeError):
            pass  # not a notebook, whatever its name: search it as plain text
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                for where, inner in _texts(member, archive.read(member)):
                    yield f", {member}{where}", inner
        return
    yield "", text


def _notebook_texts(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
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
    """Every string in a JSON value, keys included, and again decoded if it is base64."""
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
        # Most strings are not base64, and most base64 is not text.
        with contextlib.suppress(binascii.Error, ValueError):
            yield base64.b64decode(value, validate=True).decode("utf-8")
