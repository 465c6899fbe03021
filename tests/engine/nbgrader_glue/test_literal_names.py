"""The glob that nbgrader uses here."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.nbgrader_glue.literal_names import glob

STUDENTS = ["a", "ab", "[ab]", "a*", ".hidden", "doe, jane", "*"]


@pytest.fixture(params=["plain", "course [2026] *"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root: Path = tmp_path / request.param
    for student in STUDENTS:
        folder = root / student / "week[1]"
        folder.mkdir(parents=True)
        for name in ("one.ipynb", ".one.ipynb", "*.ipynb"):
            (folder / name).touch()
    return root


@pytest.mark.parametrize("student", [name for name in STUDENTS if name != "*"])
def test_a_student_is_one_folder(root: Path, student: str) -> None:
    assert glob(f"{root}/{student}/week[1]") == [f"{root}/{student}/week[1]"]


def test_a_star_is_everyone(root: Path) -> None:
    assert sorted(glob(f"{root}/*/week[1]")) == sorted(f"{root}/{student}/week[1]" for student in STUDENTS)


def test_other_patterns_are_patterns(root: Path) -> None:
    assert sorted(glob(f"{root}/a?/week[1]")) == [f"{root}/a*/week[1]", f"{root}/ab/week[1]"]
    assert glob(f"{root}/x*/week[1]") == []
    assert glob(f"{root}/a/week2") == []


def test_the_last_part_is_a_pattern_even_if_a_file_has_that_name(root: Path) -> None:
    found = sorted(glob(f"{root}/[ab]/week[1]/*.ipynb"))
    assert found == [f"{root}/[ab]/week[1]/*.ipynb", f"{root}/[ab]/week[1]/one.ipynb"]


def test_relative_paths_and_dots_are_kept(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    assert glob("./[ab]/./week*") == ["./[ab]/./week[1]"]
    assert glob("[ab]") == ["a"]
    assert glob("doe, jane") == ["doe, jane"]
