"""Small graders on disk, collected in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.core.records import CheckRun
from autograder.grading.context import GradingContext
from autograder.grading.pytest_graders import CollectedGraders, with_graders
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import LocalProxy

IMPORTS = "import pytest\nfrom autograder.checks import *\n\n"


def write_graders(root: Path, files: dict[str, str]) -> Path:
    """Write files such as "twice/test_twice.py" into root/tests/toy; return that folder."""
    graders = root / "tests" / "toy"
    for name, text in files.items():
        path = graders / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(IMPORTS + text)
    for folder in (root / "tests", graders, *(path for path in graders.rglob("*") if path.is_dir())):
        (folder / "__init__.py").touch()
    return graders


@contextmanager
def own_modules() -> Iterator[None]:
    """Collect another `tests` package than the one that this module is in."""

    def mine() -> list[str]:
        return [name for name in sys.modules if name.partition(".")[0] == "tests"]

    saved, path = {name: sys.modules.pop(name) for name in mine()}, list(sys.path)
    try:
        yield
    finally:
        for name in mine():
            del sys.modules[name]
        sys.modules.update(saved)
        sys.path[:] = path


def collected(graders: Path, use: Callable[[CollectedGraders], Any], exercises: Sequence[str] = ()) -> Any:
    with own_modules():
        return with_graders(graders, use, exercises)


def checks_of(graders: Path, exercises: Sequence[str] = ()) -> dict[str, list[str]]:
    """The names of the checks of each exercise."""

    def names(found: CollectedGraders) -> dict[str, list[str]]:
        return {exercise: [item.name for item in items] for exercise, items in found.checks.items()}

    result: dict[str, list[str]] = collected(graders, names, exercises)
    return result


def graded(graders: Path, right: dict[str, Any], *students: dict[str, Any]) -> list[dict[str, CheckRun]]:
    """Each student's runs by "exercise/check"; students and the reference solution are names with values."""

    def use(found: CollectedGraders) -> list[dict[str, CheckRun]]:
        return [
            {
                f"{exercise}/{item.name}": found.run_check(
                    item, GradingContext(LocalProxy(dict(names)), ReferenceProxy(dict(right)), 1)
                )
                for exercise, items in found.checks.items()
                for item in items
            }
            for names in students
        ]

    result: list[dict[str, CheckRun]] = collected(graders, use)
    return result
