"""What `pytest tests/module6` accepts, grading accepts with the same meaning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from autograder.grading.context import GradingContext
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import LocalProxy
from tests.engine.grading.collecting import IMPORTS, collected, graded, write_graders
from tests.engine.support.sampled_course import Parts, write_sampled
from tests.engine.support.small_course import ROOT

ASK = "\n    assert student.twice(3) == 6\n"
GRADERS = {
    "plain": '''
@weight(2)
@hint("Look.")
@describe(str)
@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(("a", "b"), [(1, 2)])
def test_it(student, reference, draw, device, n, a, b):
    """Called directly."""
    assert device == "cpu" and (a, b) == (1, 2) and draw.integer(n, n) == n
    assert student.twice(n) == reference.twice(n)
''',
    "parameter_named_like_a_fixture": f'''
@pytest.mark.parametrize("device", ["one", "two"])
def test_it(student, device):
    """The parameter wins."""
    assert device in ("one", "two"){ASK}''',
    "indirect": f'''
@pytest.fixture
def more(request):
    return request.param + 100

@pytest.mark.parametrize("more", [1], indirect=True)
def test_all(student, more):
    """Indirect."""
    assert more == 101{ASK}
@pytest.mark.parametrize(("n", "more"), [(1, 2)], indirect=["more"])
def test_some(student, more, n):
    """One of two is indirect."""
    assert (n, more) == (1, 102){ASK}''',
    "fixture_with_params": f'''
@pytest.fixture(params=[1, 2])
def more(request):
    return request.param + 100

def test_it(student, more):
    """Twice."""
    assert more in (101, 102){ASK}''',
    "request": f'''
def test_alone(request):
    """Only request."""
    student = request.getfixturevalue("student"){ASK}
def test_too(student, request):
    """request too."""
    assert request.node.name == "test_too"{ASK}''',
    "usefixtures": f'''
opened = []

@pytest.fixture
def door():
    opened.append(1)
    yield
    opened.clear()

@pytest.mark.usefixtures("door")
def test_it(student):
    """With a fixture that it does not name."""
    assert opened == [1]{ASK}''',
    "autouse": f'''
opened = []

@pytest.fixture(autouse=True)
def door():
    opened.append(1)
    yield
    opened.clear()

def test_it(student):
    """With a fixture that nobody names."""
    assert opened == [1]{ASK}''',
    "xunit": f'''
calls = []

def setup_module():
    calls[:] = ["module"]

def setup_function(function):
    calls.append("function")

def teardown_function(function):
    calls.remove("function")

def test_it(student):
    """After both setups."""
    assert calls == ["module", "function"]{ASK}''',
    "method": '''
class TestTwice:
    def setup_method(self):
        self.ready = True

    def test_it(self, student):
        """A method, with an object of its own."""
        assert self.ready and not hasattr(self, "used")
        self.used = True
        assert student.twice(3) == 6
''',
    "own_student": '''
@pytest.fixture
def student(student):
    return student.twice

def test_it(student):
    """Another `student`."""
    assert student(3) == 6
''',
    "warnings": f'''
import warnings

@pytest.mark.filterwarnings("error")
def test_it(student):
    """Warnings are errors."""
    with pytest.raises(UserWarning):
        warnings.warn("beware"){ASK}''',
    "pytest_fixtures": f'''
def test_it(student, tmp_path, monkeypatch, capsys):
    """Fixtures of pytest."""
    monkeypatch.setenv("HOME", str(tmp_path)){ASK}''',
    "skip": '''
@pytest.mark.skip(reason="later")
def test_never(student):
    """Never."""
    assert False

@pytest.mark.skipif(True, reason="no GPU")
def test_not_here(student):
    """Not here."""
    assert False

@pytest.mark.skipif(False, reason="no GPU")
def test_here(student):
    """Here."""
    assert student.twice(3) == 6

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.skip)])
def test_one_of_two(student, n):
    """One of two."""
    assert n == 1 and student.twice(3) == 6

def test_skips_itself(student):
    """Skips itself."""
    pytest.skip("not today")

def test_needs(student):
    """Needs a module."""
    pytest.importorskip("no_such_module")

def test_in_the_old_way(student):
    """Skips itself as unittest does."""
    import unittest
    raise unittest.SkipTest("not today")
''',
    "generated": f'''
def pytest_generate_tests(metafunc):
    metafunc.parametrize("n", [3, 4])

def test_it(student, n):
    """Generated."""
    assert n in (3, 4){ASK}''',
}  # fmt: skip
ASKS_ONCE = f'''{IMPORTS}
def test_it(student):
    """Once."""{ASK}'''
CONFTEST = """
ran = []

@pytest.fixture
def shared():
    return 5

def pytest_runtest_call(item):
    item.module.ran = item.name
"""
HOOKED = f'''
def test_it(student, shared):
    """A fixture and a hook of the folder's conftest.py."""
    assert shared == 5 and ran == "test_it"{ASK}
def test_plain(student):
    """A hook of the folder's conftest.py."""
    assert ran == "test_plain"{ASK}'''
UNJUDGED = {
    "test_never",
    "test_not_here",
    "test_one_of_two[2]",
    "test_skips_itself",
    "test_needs",
    "test_in_the_old_way",
}


def twice(x: Any) -> Any:
    return 2 * x


def same(x: Any) -> Any:
    return x


@pytest.mark.parametrize("hooked", [{}, {"hooked/test_hooked.py": HOOKED, "hooked/conftest.py": CONFTEST}])
def test_every_kind_of_check_is_judged_as_written(tmp_path: Path, hooked: dict[str, str]) -> None:
    """With a hook in a conftest.py, pytest runs every check; without one, plain checks are simply called."""
    files = {f"{name}/test_{name}.py": text for name, text in GRADERS.items()}
    graders = write_graders(tmp_path, files | hooked)
    right, wrong, again = graded(graders, {"twice": twice}, *({"twice": f} for f in (twice, same, twice)))
    unjudged = {name for name, run in right.items() if run.result.passed is None}
    assert {name.partition("/")[2] for name in unjudged} == UNJUDGED
    assert {run.fault for run in [*right.values(), *wrong.values()]} == {None, "wrong"}
    for name, run in right.items():
        assert run.result.passed is (None if name in unjudged else True), (name, run.detail)
        assert wrong[name].result.passed is (None if name in unjudged else False), name
        assert again[name].result == run.result


def selftest(root: Path) -> subprocess.CompletedProcess[str]:
    """`pytest tests/module6`, with its results in out.xml."""
    plugins = [x for name in ("fixtures", "selftest") for x in ("-p", f"autograder.grading.{name}")]
    command = [sys.executable, "-m", "pytest", *plugins, "-c", "/dev/null", f"--rootdir={root}"]
    return subprocess.run(
        [*command, "tests/module6", "--junitxml=out.xml", "-q"],
        cwd=root, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("solutions/module6/part.py", "", "part.py is not made from source/module6/part.ipynb as it is now"),
        ("pyproject.toml", "[tool.autograder]\njobs = -1", "[tool.autograder] is invalid: jobs: "),
    ],
)
def test_pytest_itself_refuses_an_outdated_release_and_invalid_settings(
    tmp_path: Path, file: str, text: str, said: str
) -> None:
    root = write_sampled(tmp_path, {"plain": Parts("def twice(x):\n    return 2 * x", ASKS_ONCE)})
    (root / file).write_text(text)
    done = selftest(root)
    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stdout and "selftest.py" not in done.stdout


@pytest.mark.slow
def test_pytest_itself_gives_the_same_verdicts(tmp_path: Path) -> None:
    """The graders' self-test, in which the reference solution is the submission."""
    solution = "def twice(x):\n    return 2 * x"
    root = write_sampled(tmp_path, {name: Parts(solution, IMPORTS + text) for name, text in GRADERS.items()})
    done = selftest(root)
    assert done.returncode == 0, done.stdout
    cases = list(ElementTree.parse(root / "out.xml").getroot().iter("testcase"))
    skipped = {case.attrib["name"] for case in cases if case.find("skipped") is not None}
    assert skipped == UNJUDGED
    (right,) = graded(root / "tests" / "module6", {"twice": twice}, {"twice": twice})
    assert len(cases) == len(right)


def test_only_plain_checks_are_called_directly(tmp_path: Path) -> None:
    def direct(found: CollectedGraders) -> set[str]:
        context = GradingContext(LocalProxy({}), ReferenceProxy({}), 1)
        items = [item for items in found.checks.values() for item in items]
        return {item.path.parent.name for item in items if found._direct_arguments(item, context) is not None}

    files = {f"{name}/test_{name}.py": text for name, text in GRADERS.items() if name != "skip"}
    found = collected(write_graders(tmp_path, files), direct)
    assert found == {"plain", "parameter_named_like_a_fixture"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return student.twice(3) == 6", "`return`"),
        ("pytest.xfail('not yet')", "cannot end with pytest.xfail"),
        ("pytest.exit('enough')", "Exit"),
        ("{}['a bug']", "KeyError"),
    ],
)
@pytest.mark.parametrize("other", ["", ", tmp_path"])
def test_an_ending_without_a_meaning_is_an_internal_error(
    tmp_path: Path, body: str, said: str, other: str
) -> None:
    text = f'def test_it(student{other}):\n    """It."""\n    {body}\n'
    (runs,) = graded(write_graders(tmp_path, {"ex/test_ex.py": text}), {}, {"twice": same})
    run = runs["ex/test_it"]
    assert (run.result.passed, run.fault) == (None, "internal")
    assert said in (run.detail or "")
