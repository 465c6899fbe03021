"""A course of small exercises for tests of grading, each named after what the student's code does."""

from __future__ import annotations

import json
from pathlib import Path

from autograder.core.records import CodeCell, Exercise, GradeJob, WorkerConfig

ASSIGNMENT = "toy"
SETTINGS = """
[tool.autograder.time]
cell = 30.0
grace = 1.0
notebook = 60.0
question = 1.5
exercise = 5.0
submission = 40.0

[tool.autograder.memory]
memory_bytes = 419430400
"""
ASK = '''
from autograder.checks import close, no_verdict

def test_answer(student, reference):
    """{name} answers 1."""
    {body}
'''
PLAIN = "assert close(student.{name}(), reference.{name}())"
BODIES = {
    **{name: PLAIN for name in ("right", "wrong", "hang", "memory", "raised", "exited", "stub")},
    **{name: PLAIN for name in ("missing", "signalled", "fatal", "nosy", "loud", "first", "second")},
    "crashing": "student.right(); {{}}['a grader bug']",
    "undecided": "no_verdict('nothing to see')",
    "half_crashing": PLAIN,
    "endless": "while True: pass",
}
THREE = '''
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_number(student, number):
    """The number {number} comes back, and the count of calls."""
    assert student.three(number) == [number, 1]
'''
SLOW = '''
def test_many(student):
    """Every call is answered."""
    for _ in range(20):
        assert student.slow() == 1
'''
PROBED = '''
def measured(names):
    """measured()"""
    return {"value": names.right()}

def test_value(student):
    """The value is 1."""
    assert student.run(measured)["value"] == 1
'''
REFERENCE = "\n".join(f"def {name}():\n    return 1\n" for name in BODIES)


def write_toy(root: Path) -> Path:
    """Write the course into the folder `root`; return `root`."""
    tests = {name: ASK.format(name=name, body=body.format(name=name)) for name, body in BODIES.items()}
    tests |= {"three": THREE, "slow": SLOW, "probed": PROBED}
    tests["half_crashing"] += '\n\ndef test_crash(student):\n    """Crashes."""\n    raise KeyError("x")\n'
    for name, text in tests.items():
        folder = root / "tests" / ASSIGNMENT / name
        folder.mkdir(parents=True)
        (folder / f"test_{name}.py").write_text(text)
    for folder in (
        root / "tests",
        root / "tests" / ASSIGNMENT,
        *(root / "tests" / ASSIGNMENT).iterdir(),
    ):
        (folder / "__init__.py").touch()
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    for folder, name, text in (
        ("source", "part.ipynb", json.dumps(notebook)),
        ("solutions", "part.py", REFERENCE),
    ):
        (root / folder / ASSIGNMENT).mkdir(parents=True)
        (root / folder / ASSIGNMENT / name).write_text(text)
    (root / "pyproject.toml").write_text(SETTINGS)
    return root


def worker_config(root: Path) -> WorkerConfig:
    return WorkerConfig(str(root), ASSIGNMENT, 1234, "cpu", diagnose=False)


def job(names: list[str], *sources: str) -> GradeJob:
    exercises = [Exercise(name, "part", 3.0) for name in names]
    return GradeJob([CodeCell(number, source) for number, source in enumerate(sources)], exercises)
