"""What would make a grader grade something else than its author wrote is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.core.errors import GraderError
from tests.engine.grading.collecting import checks_of, write_graders

CHECK = 'def test_it(student):\n    """It."""\n'
MARKED = "@{}\n" + CHECK
REFUSED = {
    "twice": (CHECK + CHECK, "test_ex.py defines test_it 2 times"),
    "deleted": (CHECK + "del test_it\n", "test_ex.py: test_it is defined but gives no check"),
    "hidden": (CHECK + "test_it.__test__ = False\n", "test_it is defined but gives no check"),
    "overwritten": (CHECK + "test_it = None\n", "test_it is defined but gives no check"),
    "conditional": (f"if False:\n    def test_it(student): pass\n{CHECK}", "defines test_it 2 times"),
    "never": ("if False:\n    def test_it(student): pass\n", "test_it is defined but gives no check"),
    "class": ("class TestIt:\n    def __init__(self): pass\n    def test_a(self): pass\n", "TestIt.test_a is def"),
    "module": ("pytest.skip('no GPU', allow_module_level=True)\n" + CHECK, "leaves out all of its checks"),
    "needs": ("pytest.importorskip('no_such_module')\n" + CHECK, "no_such_module"),
    "broken": ("raise KeyError('x')\n", "KeyError: 'x'"),
    "async": (f"async {CHECK}", "test_it is asynchronous"),
    "generator": (CHECK + "    yield\n", "test_ex.py"),
    "unittest": (
        'import unittest\nclass Case(unittest.TestCase):\n    def test_a(self):\n        """A."""\n',
        "test_a is no function of pytest",
    ),
    "no_parameters": (MARKED.format("pytest.mark.parametrize('n', [])"), "Empty parameter set"),
    "xfail": (MARKED.format("pytest.mark.xfail"), "test_it is marked xfail"),
    "typo": (MARKED.format("pytest.mark.wieght(2)"), "test_it has the mark 'wieght'"),
    "fixture": (CHECK.replace("student", "studnet"), "test_it asks for 'studnet'"),
    "used": (MARKED.format("pytest.mark.usefixtures('door')"), "test_it asks for 'door'"),
    "caplog": (CHECK.replace("student", "caplog"), "test_it asks for 'caplog'"),
    "subtests": (CHECK.replace("student", "subtests"), "test_it asks for 'subtests'"),
    "weight": (MARKED.format("weight"), "test_it has a weight that is not one number"),
    "weight_text": (MARKED.format("weight('2')"), "test_it has a weight that is not one number"),
    "weight_zero": (MARKED.format("weight(0)"), "test_it has a weight that is not one number"),
    "weight_negative": (MARKED.format("weight(-1)"), "test_it has a weight that is not one number"),
    "weight_nan": (MARKED.format("weight(float('nan'))"), "test_it has a weight that is not one number"),
    "hint": (MARKED.format("hint(3)"), "test_it has a hint that is not one text"),
    "no_docstring": ("def test_it(student): pass\n", "test_it has no docstring"),
    "braces": (
        MARKED.format("pytest.mark.parametrize('n', [1])").replace('"""It."""', '"""{m}"""').replace("student", "n"),
        "test_it[1] has a docstring that cannot be filled in (KeyError: 'm')",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_grader_that_would_not_grade_as_written_is_refused(tmp_path: Path, name: str) -> None:
    text, said = REFUSED[name]
    graders = write_graders(tmp_path, {"ex/test_ex.py": text})
    with pytest.raises(GraderError) as error:
        checks_of(graders)
    assert said in str(error.value)
    assert "tests/toy/ex/test_ex.py" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("conftest", "said"),
    [
        ("def pytest_collection_modifyitems(items):\n    items.pop()\n", "test_it was deselected"),
        (
            "def pytest_collection_modifyitems(items, config):\n"
            "    config.hook.pytest_deselected(items=items[:])\n    items.clear()\n",
            "test_it was deselected",
        ),
        ("collect_ignore = ['test_ex.py']\n", "test_it is defined but gives no check"),
        ("collect_ignore_glob = ['*']\n", "test_it is defined but gives no check"),
        ("def pytest_pycollect_makeitem():\n    return []\n", "test_it is defined but gives no check"),
    ],
)
def test_a_conftest_that_hides_a_check_is_refused(tmp_path: Path, conftest: str, said: str) -> None:
    graders = write_graders(tmp_path, {"ex/test_ex.py": CHECK, "ex/conftest.py": conftest})
    with pytest.raises(GraderError, match=said):
        checks_of(graders)


def test_two_checks_of_an_exercise_have_two_names(tmp_path: Path) -> None:
    graders = write_graders(tmp_path, {"ex/test_a.py": CHECK, "ex/test_b.py": CHECK})
    with pytest.raises(GraderError, match="tests/toy/ex has 2 checks named test_it"):
        checks_of(graders)
    graders = write_graders(tmp_path / "two", {"a/test_a.py": CHECK, "b/test_b.py": CHECK})
    assert checks_of(graders) == {"a": ["test_it"], "b": ["test_it"]}


@pytest.mark.parametrize("file", ["test_ex.py", "ex/more/test_ex.py"])
def test_a_check_outside_an_exercise_is_refused(tmp_path: Path, file: str) -> None:
    graders = write_graders(tmp_path, {file: CHECK, "ex/test_right.py": CHECK})
    with pytest.raises(GraderError, match="test_it belongs to no exercise"):
        checks_of(graders)


def test_every_exercise_has_a_check(tmp_path: Path) -> None:
    graders = write_graders(tmp_path, {"ex/test_ex.py": CHECK, "spare/test_spare.py": CHECK})
    assert checks_of(graders, ["ex"]) == {"ex": ["test_it"], "spare": ["test_it"]}
    (graders / "why").mkdir()
    with pytest.raises(GraderError, match=r"why has no check: make tests/toy/why/test_why\.py"):
        checks_of(graders, ["ex", "why"])
