"""Tests marked `gpu` are skipped where no card can be used, and counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.gpu.marked_tests import MARK

CONFTEST = Path(__file__).parents[2] / "conftest.py"
TESTS = f"""
import pytest

@pytest.{MARK}
@pytest.mark.parametrize("number", [1, 2])
def test_card(number):
    assert False

@pytest.mark.skip(reason="something else")
def test_other():
    assert False

def test_plain():
    pass
"""


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    """A folder of tests, one level below the folder with the conftest.py, as in this repository."""
    folder = tmp_path / "tests" / "engine"
    folder.mkdir(parents=True)
    shutil.copy(CONFTEST, tmp_path / "tests")
    (folder / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = gpu\n")
    return tmp_path


def outcome(folder: Path, *options: str) -> str:
    """What pytest says in a folder, on a machine whose card, if it has one, is hidden."""
    line = [sys.executable, "-m", "pytest", "-q", *options, "tests"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["alone", "xdist"])
def test_they_are_skipped_and_counted(tests: Path, options: list[str]) -> None:
    said = outcome(tests, *options)
    assert "2 tests need a GPU and were skipped: make gpu runs them" in said
    assert "1 passed, 3 skipped" in said


def test_what_was_not_asked_for_is_not_counted(tests: Path) -> None:
    said = outcome(tests, "-m", "not gpu")
    assert "need a GPU" not in said
    assert "1 passed, 1 skipped, 2 deselected" in said
