"""A course of small exercises with correct and buggy samples, written as if it had been released."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from autograder.core.records import WorkerConfig
from autograder.course.reference_solutions import solution_module
from autograder.course.source_notebooks import read_sources
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.small_course import cell, graded, save, solution

ASSIGNMENT, NOTEBOOK = "module6", "part"
SETTINGS = """
[tool.autograder.time]
cell = 30.0
grace = 1.0
notebook = 60.0
question = 3.0
exercise = 10.0
submission = 40.0

[tool.autograder.memory]
memory_bytes = 419430400
"""
STUB = 'def {name}(x):\n    raise NotImplementedError("{name} is not written yet")'
IMPORT = "from autograder.samples import replaces\n\n"


class Parts(NamedTuple):
    """One exercise: its reference, its grader, and for each sample the body of its function of x."""

    reference: str
    grader: str
    wheats: dict[str, str] = {}
    chaffs: dict[str, str] = {}


def write_sampled(root: Path, exercises: dict[str, Parts]) -> Path:
    """Write source, release, solutions and graders into the folder `root`; return `root`."""
    cells, stubs = [cell("imports", "import math")], [cell("imports", "import math")]
    for name, parts in exercises.items():
        test = graded(name, f"assert callable({name})", 2)
        cells += [solution(name, parts.reference), test]
        stubs += [solution(name, STUB.format(name=name)), test]
        write_grader(root, name, parts)
    for each in (cells, stubs):
        each.append(cell("why", "Mine.", "markdown", grade_id="why", grade=True, solution=True, points=4))
    for folder in ("source", "release", "solutions"):
        (root / folder / ASSIGNMENT).mkdir(parents=True)
    plain = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    save(root / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", plain | {"cells": cells})
    save(root / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb", plain | {"cells": stubs})
    (root / "pyproject.toml").write_text(SETTINGS)
    for notebook in read_sources(root, ASSIGNMENT):
        path = root / "solutions" / ASSIGNMENT / f"{notebook.name}.py"
        path.write_text(solution_module(notebook))
    return root


def write_grader(root: Path, name: str, parts: Parts) -> Path:
    """Write the folder of one exercise's grader and samples; return the folder."""
    folder = root / "tests" / ASSIGNMENT / name
    folder.mkdir(parents=True)
    for package in (folder.parent.parent, folder.parent, folder):
        (package / "__init__.py").touch()
    (folder / f"test_{name}.py").write_text(parts.grader)
    for kind, samples in (("wheats", parts.wheats), ("chaffs", parts.chaffs)):
        written = [
            f'@replaces("{name}")\ndef {sample}(x):\n    """The mistake of {sample}."""\n    {body}\n'
            for sample, body in samples.items()
        ]
        (folder / f"{kind}.py").write_text(IMPORT + "\n\n".join(written))
    return folder


def asks(name: str, **values: str) -> str:
    """A grader with one check for each value: `name` has to return what the reference returns."""
    checks = [
        f'def test_{check}(student, reference):\n    """{name} answers."""\n'
        f"    assert close(student.{name}({value}), reference.{name}({value}))\n"
        for check, value in values.items()
    ]
    return "\n\n".join(["from autograder.checks import close", *checks])


def worker_of(root: Path) -> WorkerProcess:
    return WorkerProcess(WorkerConfig(str(root), ASSIGNMENT, 0, "cpu", diagnose=True))
