"""A course with one small notebook, for tests of the release step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
ASSIGNMENT = "week1"
NOTEBOOK = Path("source") / ASSIGNMENT / "lines.ipynb"
RELEASED = Path("release") / ASSIGNMENT / "lines.ipynb"
BEGIN, END = "### BEGIN " + "SOLUTION", "### END " + "SOLUTION"

IMPORTS = "%matplotlib inline\nimport math\nfrom fractions import Fraction\n\nimport json, sys"
SLOPE = f'''def slope(x0, y0, x1, y1):
    """The slope of a line through two points."""
    {BEGIN}
    run = x1 - x0  # never zero here
    return Fraction(y1 - y0, run) if run else math.inf
    {END}'''
LINE = f'''class Line:
    """y = a x + b."""

    def __init__(self, a, b, c, d):
        {BEGIN}
        self.a, self.b = a, b
        {END}

    def at(self, x):
        {BEGIN}
        return (self.a * x
                % 1000 + self.b)
        {END}'''
ANSWERS = f'{BEGIN}\nANSWERS = {{"a": True}}\n{END}'
GRADER = '''"""The hidden checks of slope: first point, second point, third point."""

from fractions import Fraction, Decimal, gcd, lcm

def test_slope(student, reference, draw):
    """The slope of a falling line is negative."""
    points = [draw.integer(1, 9) for _ in range(4)]
    assert student.slope(*points) == reference.slope(*points)

class Chaff:
    def __init__(self, a, b, c, d):
        pass
'''


def cell(cell_id: str, source: str, kind: str = "code", **tag: Any) -> dict[str, Any]:
    """One notebook cell; `tag` overrides the defaults of its nbgrader metadata (without `tag`, it has none)."""
    plain = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    made: dict[str, Any] = {"id": cell_id, "cell_type": kind, "source": source, "metadata": {}}
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    if tag:
        made["metadata"]["nbgrader"] = {**plain, **tag}
    return made


def solution(exercise: str, source: str) -> dict[str, Any]:
    grade_id = f"{exercise}_solution"
    return cell(grade_id, source, grade_id=grade_id, solution=True)


def graded(exercise: str, source: str, points: float) -> dict[str, Any]:
    return cell(exercise, source, grade_id=exercise, grade=True, locked=True, points=points)


def notebook() -> dict[str, Any]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [
            cell("intro", "# Lines\nWrite the *slope*.", "markdown"),
            cell("imports", IMPORTS),
            solution("slope", SLOPE),
            graded("slope", "assert slope(0, 0, 1, 2) == 2", 3),
            solution("line", LINE),
            graded("line", "assert Line(2, 1, 0, 0).at(3) == 7", 2),
            solution("answers", ANSWERS),
            graded("answers", "assert set(ANSWERS) == {'a'}", 1),
            cell(
                "why", "My own answer.", "markdown",
                grade_id="why", grade=True, solution=True, points=4,
            ),
        ],
    }  # fmt: skip


def write_course(root: Path) -> Path:
    """Write the course into the folder `root`; return `root`."""
    (root / NOTEBOOK).parent.mkdir(parents=True)
    save(root / NOTEBOOK, notebook())
    grader = root / "tests" / ASSIGNMENT / "slope" / "test_slope.py"
    grader.parent.mkdir(parents=True)
    grader.write_text(GRADER)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    return root


def load(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def save(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content))


def cell_of(content: dict[str, Any], cell_id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in content["cells"] if c["id"] == cell_id)
    return found


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below `root` with its modification time and its content."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
