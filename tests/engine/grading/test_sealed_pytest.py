"""Only the files in tests/<assignment>/ decide which checks there are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.grading.collecting import checks_of, write_graders
from tests.engine.support.small_course import ROOT

CHECKS = {
    "one/test_one.py": (
        'def test_a(student):\n    """A."""\n\n'
        '@pytest.mark.parametrize("n", [1, 2])\ndef test_b(student, n):\n    """B."""\n'
    ),
    "two/test_two.py": 'def test_c(student):\n    """C."""\n',
    "two/more_test.py": 'def test_d(student):\n    """D."""\n',
    "dist/test_dist.py": 'def test_e(student):\n    """E."""\n',  # pytest leaves such folders out
}
FOUND = {"one": ["test_a", "test_b[1]", "test_b[2]"], "two": ["test_d", "test_c"], "dist": ["test_e"]}
FEWER = """
import pytest

def pytest_collection_modifyitems(items):
    del items[1:]

@pytest.fixture(autouse=True)
def nobody():
    pytest.skip("not on this machine")
"""


@pytest.fixture
def graders(tmp_path: Path) -> Path:
    return write_graders(tmp_path, CHECKS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PYTEST_ADDOPTS", "-k test_a"),
        ("PYTEST_ADDOPTS", "--maxfail=1 --collect-only"),
        ("PYTEST_ADDOPTS", "--no-such-option"),
        ("PYTEST_ADDOPTS", "-p no:python"),
        ("PYTEST_PLUGINS", "fewer"),
        ("PYTEST_PLUGINS", "no_such_plugin"),
        ("PYTEST_DEBUG", "1"),
        ("PY_COLORS", "1"),
        ("PYTEST_THEME", "no such theme"),
    ],
)
def test_no_variable_changes_the_checks(
    graders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "fewer.py").write_text(FEWER)
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    monkeypatch.setenv(name, value)
    assert checks_of(graders) == FOUND


def test_no_installed_plugin_changes_the_checks(
    graders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "fewer-1.dist-info").mkdir(parents=True)
    (site / "fewer.py").write_text(FEWER)
    (site / "fewer-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: fewer\nVersion: 1\n")
    (site / "fewer-1.dist-info" / "entry_points.txt").write_text("[pytest11]\nfewer = fewer\n")
    monkeypatch.syspath_prepend(str(site))
    assert checks_of(graders) == FOUND
    assert "fewer" not in sys.modules


@pytest.mark.parametrize("folder", ["", "tests"])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("conftest.py", FEWER),
        ("pytest.ini", "[pytest]\naddopts = -k test_a\npython_files = check_*.py\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\naddopts = "-k test_a"\nnorecursedirs = "one two"\n'),
        ("setup.cfg", "[tool:pytest]\npython_functions = check_*\n"),
    ],
)
def test_no_file_outside_the_graders_changes_the_checks(
    graders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, file: str, text: str
) -> None:
    (tmp_path / folder / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    assert checks_of(graders) == FOUND


@pytest.mark.parametrize("name", ["course [2026]", "a::b", "$5", "[", "-k", "ünï ☃"])
def test_the_folders_name_is_no_pattern(tmp_path: Path, name: str) -> None:
    assert checks_of(write_graders(tmp_path / name, CHECKS)) == FOUND


def test_the_variables_are_restored(graders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k test_a")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)

    before = dict(os.environ)
    checks_of(graders)
    assert dict(os.environ) == before


def test_python_without_assertions_is_refused(tmp_path: Path) -> None:
    """A helper's `assert` would do nothing there."""
    program = (
        "from pathlib import Path\nfrom autograder.core.errors import GraderError\n"
        "from autograder.grading.sealed_pytest import run_sealed\n"
        "try:\n    run_sealed(Path(), [])\nexcept GraderError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONOPTIMIZE": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "PYTHONOPTIMIZE" in done.stdout
