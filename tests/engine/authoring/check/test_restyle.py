"""A restyled program has other names and other statements, and gives the same answers."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from autograder.authoring.check.restyle import restyled
from autograder.course.samples import read_samples
from tests.engine.support.small_course import ROOT

SAME = {
    "returned": ("def f(n):\n    return [x * x for x in range(n) if x % 2 if x > 1]", "my_outcome_1"),
    "assigned": ("def f(n):\n    found = [i + 1 for i in range(n)]\n    return found", "my_found"),
    "a choice": ("def f(n):\n    return 'odd' if n % 2 else 'even'", "my_outcome_1"),
    "choices": ("def f(n):\n    x = 1 if n > 8 else 2 if n > 4 else 3\n    return x", "my_x"),
    "a choice of lists": ("def f(n):\n    return [i for i in range(n)] if n > 2 else [n]", "my_i"),
    "two loops": ("def f(n):\n    return [(a, b) for a in range(n) for b in range(a)]", "my_a"),
    "of itself": ("def f(n):\n    x = [n, 1]\n    x = [y + n for y in x]\n    return x", "my_y"),
    "unpacked": ("def f(n):\n    (a, *b), c = (n, 1, 2), 3\n    return a, b, c", "my_b"),
    "walrus": ("def f(n):\n    return (half := n // 2) + half", "my_half"),
    "deleted": ("def f(n):\n    a = n\n    b = a\n    del a\n    return b", "del my_a"),
    "closure": (
        "def f(n):\n    total = 0\n    def add(k):\n        nonlocal total\n        step = k\n"
        "        total += step\n        return total\n    add(n)\n    return add(1)",
        "my_step",
    ),
    "a global": (
        "count = 0\ndef f(n):\n    global count\n    count = n\n    more = count\n    return more",
        "my_more",
    ),
    "an import": (
        "def f(n):\n    import math as m\n    from math import pi\n    r = m.floor(pi)\n    return r * n",
        "my_r",
    ),
    "an error": (
        "def f(n):\n    try:\n        return [][n]\n    except IndexError as e:\n        text = str(e)\n"
        "        return text",
        "my_text",
    ),
    "an error's name": (
        "def f(n):\n    try:\n        e = [][n]\n    except IndexError as e:\n        return str(e)",
        "as my_e",
    ),
    "keywords": ("def f(n):\n    key = abs\n    return sorted([-n, 1], key=key)", "key=my_key"),
    "a lambda": ("def f(n):\n    g = lambda x, k=n: x + k\n    return g(1)", "my_g"),
    "an inner class": (
        "def f(n):\n    class Box:\n        pass\n    box = Box()\n    return type(box).__name__",
        "box = Box()",
    ),
    "a builtin": ("def f(n):\n    sum = n\n    return sum + 1", "sum = n"),
    "in place": ("def f(n):\n    a = [n]\n    b = a\n    a += [1]\n    return b", "my_a += [1]"),
    "a method": (
        "class A:\n    step = 2\n    def take(self, n):\n        self.last = [n * i for i in range(2)]\n"
        "        last = [k + 1 for k in self.last]\n        return last\ndef f(n):\n    return A().take(n)",
        "my_last",
    ),
}


def answers(source: str) -> list[Any]:
    names: dict[str, Any] = {}
    exec(source, names)  # written in this file
    return [names["f"](n) for n in range(12)]


@pytest.mark.parametrize(("source", "shown"), SAME.values(), ids=SAME)
def test_a_restyled_program_gives_the_same_answers(source: str, shown: str) -> None:
    text = restyled(source)
    assert answers(text) == answers(source)
    assert shown in text
    assert text == restyled(source)


def kinds(source: str) -> set[type[ast.AST]]:
    return {type(node) for node in ast.walk(ast.parse(source))}


@pytest.mark.parametrize("case", ["returned", "assigned", "a choice", "choices", "a choice of lists"])
def test_comprehensions_and_conditional_expressions_become_statements(case: str) -> None:
    source, _ = SAME[case]
    assert kinds(source) & {ast.ListComp, ast.IfExp}
    assert not kinds(restyled(source)) & {ast.ListComp, ast.IfExp}


@pytest.mark.parametrize("case", ["two loops"])
def test_a_nested_comprehension_stays(case: str) -> None:
    assert ast.ListComp in kinds(restyled(SAME[case][0]))


def test_local_names_change_and_no_others() -> None:
    source = "LIMIT = 3\ndef area(width, *rest, scale=1):\n    w = width\n    return min(w, LIMIT) * scale\n"
    assert restyled(source) == (
        "LIMIT = 3\n\ndef area(width, *rest, scale=1):\n    my_w = width\n    return min(my_w, LIMIT) * scale"
    )


def test_code_outside_functions_stays() -> None:
    source = "found = [x for x in range(3)]\nbest = 1 if found else 2"
    assert restyled(source) == source


def test_every_sample_of_the_course_can_be_restyled() -> None:
    folders = sorted(path.parent for path in (ROOT / "tests" / "module6").glob("*/chaffs.py"))
    samples = [sample for folder in folders for sample in read_samples(folder)]
    assert samples
    for sample in samples:
        text = restyled(sample.source)
        compile(text, sample.name, "exec")
        assert [type(x) for x in ast.parse(text).body] == [type(x) for x in ast.parse(sample.source).body]
