"""Find what would make a hidden grader grade something else than its author wrote. Each is one sentence.

pytest accepts these in silence: a check that is defined twice runs once, a misspelt mark does nothing, a
deselected check is not missed. In a test run that is an inconvenience, in grading it is a wrong grade.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autograder.course.source_notebooks import IGNORED
from autograder.grading.context import exercise_of
from autograder.grading.outcome import check_sentence

FILES = ("test_*.py", "*_test.py")
"""The files in which pytest looks for checks."""


def grader_mistakes(folder: Path, items: Sequence[pytest.Item], exercises: Sequence[str]) -> list[str]:
    """Every mistake in the collected checks of the graders in `folder`.

    `exercises` are the ids of the automatic exercises, each of which needs a check.
    """
    found: list[str] = []
    for item in items:
        found += [f"{item.nodeid} {mistake}" for mistake in _check_mistakes(folder, item)]
    found += _missing_checks(folder, items)
    found += _repeated_names(folder, items)
    with_checks = {exercise_of(item) for item in items}
    found += [
        f"the exercise {name} has no check: make {_shown(folder, folder / name)}/test_{name}.py, or take its"
        " test cell out of the notebook"
        for name in exercises
        if name not in with_checks
    ]
    return found


def _shown(folder: Path, path: Path) -> str:
    """A grader's path in messages, relative to the course."""
    return path.relative_to(folder.parent.parent).as_posix()


def _check_mistakes(folder: Path, item: pytest.Item) -> Iterator[str]:
    if item.path.parent.parent != folder:
        yield f"belongs to no exercise: move its file into {_shown(folder, folder)}/<exercise>/"
    if type(item) is not pytest.Function:  # such as a method of unittest.TestCase
        yield "is no function of pytest: write the check as `def test_…(student, reference, draw):`"
        return
    if not inspect.getdoc(item.obj):
        yield "has no docstring: add one that says what it checks"
    elif (problem := _sentence_problem(item)) is not None:
        yield f"has a docstring that cannot be filled in ({problem}): write a brace as {{{{ or }}}}"
    if inspect.iscoroutinefunction(item.obj) or inspect.isasyncgenfunction(item.obj):
        yield "is asynchronous, so it would never run: write `def` instead of `async def`"
    yield from _fixture_mistakes(item)
    yield from _mark_mistakes(item)


def _sentence_problem(item: pytest.Item) -> str | None:
    try:
        check_sentence(item)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _fixture_mistakes(item: pytest.Function) -> Iterator[str]:
    known = item._fixtureinfo.name2fixturedefs.keys() | {"request"}
    for name in item.fixturenames:
        if name not in known:
            yield (
                f"asks for {name!r}, which is no fixture here: correct the name, or define it in the file or"
                " in the conftest.py of its folder"
            )


def _mark_mistakes(item: pytest.Function) -> Iterator[str]:
    known = {line.split(":")[0].split("(")[0].strip() for line in item.config.getini("markers")}
    for mark in item.iter_markers():
        if mark.name == "xfail":
            yield (
                "is marked xfail, which says nothing about a submission: delete the mark, or test for the"
                " opposite"
            )
        elif mark.name not in known:
            yield f"has the mark {mark.name!r}, which has no meaning here: delete it or correct its name"
        elif mark.name == "weight" and not _is_weight(mark.args):
            yield "has a weight that is not one number greater than 0: write @weight(2)"
        elif mark.name == "hint" and not (len(mark.args) == 1 and isinstance(mark.args[0], str)):
            yield 'has a hint that is not one text: write @hint("…")'


def _is_weight(args: tuple[Any, ...]) -> bool:
    number = len(args) == 1 and isinstance(args[0], (int, float)) and not isinstance(args[0], bool)
    return number and math.isfinite(args[0]) and args[0] > 0


def _missing_checks(folder: Path, items: Sequence[pytest.Item]) -> Iterator[str]:
    """Compare what the files define with what was collected."""
    collected: dict[Path, set[str]] = defaultdict(set)
    for item in items:
        owner = getattr(item, "cls", None)
        name = str(getattr(item, "originalname", None) or item.name)
        collected[item.path].add(f"{owner.__qualname__}.{name}" if owner else name)
    for path in _grader_files(folder):
        try:
            defined = Counter(_defined_checks(ast.parse(path.read_bytes()).body))
        except (SyntaxError, ValueError) as error:  # a conftest.py kept pytest from saying so
            yield f"{_shown(folder, path)} is not valid Python: {error}"
            continue
        for name, count in defined.items():
            if count > 1:
                yield f"{_shown(folder, path)} defines {name} {count} times, but one would run: rename them"
            elif name not in collected[path]:
                yield (
                    f"{_shown(folder, path)}: {name} is defined but gives no check: see what hides it"
                    " (a decorator, a condition, a conftest.py, a later line), or rename it if it is none"
                )


def _grader_files(folder: Path) -> list[Path]:
    found = {path for pattern in FILES for path in folder.rglob(pattern)}
    return sorted(path for path in found if not set(path.relative_to(folder).parts) & set(IGNORED))


def _defined_checks(body: Sequence[ast.AST], owner: str = "") -> Iterator[str]:
    """The checks that a module or a class defines, also below an `if`, `try` or `with`."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name.startswith("test"):
                yield owner + node.name
        elif isinstance(node, ast.ClassDef):
            if node.name.startswith("Test"):
                yield from _defined_checks(node.body, f"{owner}{node.name}.")
        else:
            for name in ("body", "handlers", "orelse", "finalbody"):
                yield from _defined_checks(getattr(node, name, []), owner)


def _repeated_names(folder: Path, items: Sequence[pytest.Item]) -> Iterator[str]:
    """A check is known by its name: in results, in the kill matrix, in the inputs that it draws."""
    names = Counter((item.path.parent, item.name) for item in items)
    for (place, name), count in names.items():
        if count > 1:
            yield f"{_shown(folder, place)} has {count} checks named {name}: rename all but one"
