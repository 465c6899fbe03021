"""Mutants: one small change each, under one name each, and only changes that could be mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.check.mutants import mutants, mutants_of, read_equivalents
from autograder.core.errors import CourseError
from autograder.course.course import Course
from tests.engine.support.small_course import ASSIGNMENT, write_course

RECORD = '[[equivalent]]\nmutant = "a  =>  b"\nreason = "{}"\n'
NONE = "return None"


def of_body(*lines: str) -> list[tuple[str, str]]:
    return mutants("def f(a, b):\n" + "".join(f"    {line}\n" for line in lines))


def changes(*lines: str) -> list[str]:
    """What the lines become, according to the names of the mutants."""
    return sorted(name.split("  =>  ")[1] for name, _ in of_body(*lines))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("return a + b", ["return a - b"]),
        ("return a - b", ["return a + b"]),
        ("return a * b", ["return a / b"]),
        ("return a / b", ["return a * b"]),
        ("return a // b", ["return a / b"]),
        ("return a % b", ["return a * b"]),
        ("return a ** b", ["return a * b"]),
        ("return a < b", ["return a <= b", "return a > b"]),
        ("return a <= b", ["return a < b", "return a > b"]),
        ("return a > b", ["return a < b", "return a >= b"]),
        ("return a >= b", ["return a < b", "return a > b"]),
        ("return a == b", ["return a != b"]),
        ("return a is b", ["return a is not b"]),
        ("return a not in b", ["return a in b"]),
        ("return a and b", ["return a", "return a or b", "return b"]),
        ("return not a", ["return a"]),
        ("return -a", ["return a"]),
        ("return a if b else f", ["return a", "return f"]),
        ("return True", ["return False"]),
        ("return 3", ["return 2", "return 4"]),
        ("return 2.5", ["return 3.5", "return 5.0"]),
        ("return 'mean'", ["return 'mean_'"]),
        ("return f(a, b)", ["return f(a)", "return f(b)", "return f(b, a)"]),
        ("return f(a, k=b)", ["return f(a)"]),
        ("return f(a)", []),
        ("return a.item()", ["return a"]),
        ("return a.to(b)", ["return a"]),
        ("return a.keep(b)", []),
        ("return max(a)", ["return min(a)"]),
        ("return a.mean()", ["return a", "return a.sum()"]),
        ("return a < b < f", []),
    ],
)
def test_an_expression_has_these_mutants_and_no_others(line: str, wanted: list[str]) -> None:
    assert changes(line) == sorted([*wanted, NONE])


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["a += b"], ["a -= b", "a = b", "pass"]),
        (["a = b"], ["pass"]),
        (["a(b)"], ["pass"]),
        (["if a:", "    return b"], ["if False:", "if True:", "pass", NONE]),
        (["while a:", "    break"], ["continue", "pass", "pass", "while False:"]),
        (["for x in a:", "    continue"], ["break", "break", "pass", "pass"]),
        (["with a:", "    a(b)"], ["if True:", "pass", "pass"]),
        (["global x"], []),
        (["import math"], []),
        (["pass"], []),
        (["return"], []),
        (["raise ValueError(f'{a + 1} is not ' + 'it', 3)"], ["pass"]),
        (["a = f'{b + 1}'"], ["pass"]),
    ],
)
def test_a_statement_has_these_mutants_and_no_others(lines: list[str], wanted: list[str]) -> None:
    assert changes(*lines) == sorted(wanted)


def test_a_decorator_is_dropped() -> None:
    (mutant,) = mutants("@torch.no_grad\ndef f():\n    pass\n")
    assert mutant == ("@torch.no_grad  =>  ", "def f():\n    pass")


def test_every_mutant_is_the_whole_program_with_one_change() -> None:
    found = dict(of_body("a = b + 1", "return a"))
    assert found["a = b + 1  =>  a = b - 1"] == "def f(a, b):\n    a = b - 1\n    return a"
    assert len(found) == 5


def test_docstrings_are_not_mutated() -> None:
    source = 'class A:\n    """Words."""\n\n    def f(self):\n        """Words."""\n'
    assert mutants(source) == []


def test_mutants_that_change_identical_lines_are_numbered() -> None:
    found = of_body("a = f(a)", "a = f(a)")
    assert [name for name, _ in found] == ["a = f(a)  =>  pass", "a = f(a)  =>  pass  (place 2)"]
    assert len({text for _, text in found}) == 2


def test_the_same_mutant_is_made_only_once() -> None:
    assert changes("return a if b else a") == sorted(["return a", NONE])


def test_the_name_of_a_long_change_is_shortened() -> None:
    names = [name for name, _ in of_body("for x in a:", "    b(x)", "    b(x)", "    b(x)")]
    assert "for x in a: / b(x) / …  =>  pass" in names


def test_a_course_s_reference_solution_is_mutated(tmp_path: Path) -> None:
    """Without its markers; every mutant is valid Python and has a unique name."""
    course = Course(write_course(tmp_path), ASSIGNMENT)
    found = mutants_of(course, "slope")
    names = [name for name, _ in found]
    assert "run = x1 - x0  =>  run = x1 + x0" in names
    assert len(set(names)) == len(names)
    for name, text in found:
        compile(text, name, "exec")
        assert "SOLUTION" not in text


def test_what_a_mutant_drops_is_unbound(tmp_path: Path) -> None:
    """Although the reference that ran before it had bound the same name."""
    course = Course(write_course(tmp_path), ASSIGNMENT)
    dropped = dict(mutants_of(course, "answers"))["ANSWERS = {'a': True}  =>  pass"]
    names: dict[str, Any] = {"ANSWERS": {"a": True}, "other": 1}
    exec(dropped, names)
    assert "ANSWERS" not in names
    assert names["other"] == 1


def test_recorded_mutants_are_read_with_their_reasons(tmp_path: Path) -> None:
    assert read_equivalents(tmp_path) == {}
    (tmp_path / "equivalent_mutants.toml").write_text(RECORD.format("1 × x is x"), encoding="utf-8")
    assert read_equivalents(tmp_path) == {"a  =>  b": "1 × x is x"}


@pytest.mark.parametrize(
    "text",
    [
        "[[equivalent]\n",
        "",
        "mutant = 'a'",
        "[equivalent]\nmutant = 'a'\nreason = 'b'",
        "[[equivalent]]\nmutant = 'a'",
        "[[equivalent]]\nreason = 'a'",
        "equivalent = ['a']",
        "equivalent = 3",
        "# caf\xe9",
    ],
)
def test_a_malformed_record_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "equivalent_mutants.toml"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CourseError) as caught:
        read_equivalents(tmp_path)
    assert str(caught.value).startswith(f"{path} is not a list of [[equivalent]] entries")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_record_without_a_reason_is_refused(tmp_path: Path, reason: str) -> None:
    (tmp_path / "equivalent_mutants.toml").write_text(RECORD.format(reason))
    with pytest.raises(CourseError, match="say why this mutant is not a mistake: a  =>  b"):
        read_equivalents(tmp_path)
