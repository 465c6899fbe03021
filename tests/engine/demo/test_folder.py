"""The demo replaces and removes the folder that it made, and nothing else."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autograder.authoring.release import make_release
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.demo.command import _use_own_gradebook
from autograder.demo.folder import MARKER, remove_demo, scratch_copy
from autograder.nbgrader_glue.config import database_url
from tests.engine.support.small_course import ASSIGNMENT, ROOT, snapshot, write_course


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_course(tmp_path_factory.mktemp("released"))
    make_release(root, ASSIGNMENT)
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Course:
    return Course(shutil.copytree(released, tmp_path / "course"), ASSIGNMENT)


@pytest.fixture
def demo(course: Course, tmp_path: Path) -> Path:
    """A demo with a student of the sample class."""
    folder = tmp_path / "demo"
    scratch_copy(course, folder)
    (folder / "submitted/ada" / ASSIGNMENT).mkdir(parents=True)
    return folder


def real_course(demo: Path) -> Path:
    """A course with submissions, which the demo never saw."""
    place = demo.with_name("real")
    (place / "submitted/mary/week1").mkdir(parents=True)
    (place / "submitted/mary/week1/lines.ipynb").write_text("her only copy")
    return place


def copied(demo: Path) -> Path:
    """Somebody began a course with a copy of the demo."""
    return shutil.copytree(demo, demo.with_name("copy"))


def renamed(demo: Path) -> Path:
    return demo.rename(demo.with_name("our course"))


def restored_over_it(demo: Path) -> Path:
    """Another folder was put where the demo was, with the demo's marker in it."""
    place = copied(demo)
    shutil.rmtree(demo)
    (demo.with_name("takes the inode")).mkdir()
    return place.rename(demo)


def used_for_a_class(demo: Path) -> Path:
    (demo / "submitted/mary").mkdir()
    return demo


def file(demo: Path) -> Path:
    place = demo.with_name("file")
    place.write_text("mine")
    return place


@pytest.mark.parametrize(
    "place",
    [real_course, copied, renamed, restored_over_it, used_for_a_class, file],
    ids=lambda x: x.__name__,
)
def test_what_the_demo_did_not_make_is_left_alone(
    course: Course, demo: Path, place: Callable[[Path], Path]
) -> None:
    folder = place(demo)
    before = snapshot(folder.parent)
    with pytest.raises(CourseError, match=r"left alone: choose another folder with --folder"):
        scratch_copy(course, folder)
    with pytest.raises(CourseError, match="left alone"):
        remove_demo(folder)
    assert snapshot(folder.parent) == before


def test_an_earlier_demo_is_replaced_and_removed(course: Course, demo: Path) -> None:
    (demo / "submitted/.DS_Store").touch()
    scratch_copy(course, demo)
    assert not (demo / "submitted").exists()
    assert (demo / "source" / ASSIGNMENT / "lines.ipynb").exists()
    remove_demo(demo)
    assert not demo.exists()
    assert course.root.exists()


def test_a_demo_that_was_stopped_while_it_was_removed_can_be_replaced(course: Course, demo: Path) -> None:
    for path in demo.iterdir():
        if path.name not in (MARKER, "tests"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    scratch_copy(course, demo)
    assert (demo / "gradebook.db").exists()


def test_a_link_in_a_demo_is_removed_and_not_what_it_leads_to(demo: Path) -> None:
    kept = demo.with_name("kept")
    kept.mkdir()
    (kept / "file").write_text("mine")
    (demo / "link").symlink_to(kept)
    remove_demo(demo)
    assert (kept / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "source", "source/week1/demo", "tests/demo"])
def test_a_place_in_the_course_itself_is_refused(course: Course, name: str) -> None:
    before = snapshot(course.root)
    with pytest.raises(CourseError):
        scratch_copy(course, course.root / name)
    assert snapshot(course.root) == before


def test_a_class_is_not_copied(course: Course, tmp_path: Path) -> None:
    shutil.rmtree(course.private)
    with closing(sqlite3.connect(course.root / "gradebook.db")) as book, book:
        book.execute("INSERT INTO student (id) VALUES ('mary')")
    with pytest.raises(CourseError, match=r"gradebook\.db holds students"):
        scratch_copy(course, tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_the_sample_class_is_recorded_in_no_gradebook_but_the_demos(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_DB_URL", f"sqlite:///{tmp_path}/real.db")
    _use_own_gradebook(demo)
    assert database_url(demo).startswith(f"sqlite:///{demo}/.autograder/gradebook.db")
    config = demo / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\nc.CourseDirectory.db_url = 'sqlite:///{tmp_path}/real.db'\n")
    with pytest.raises(CourseError, match="must not be recorded in it"):
        _use_own_gradebook(demo)
    assert not (tmp_path / "real.db").exists()


def test_make_clean_removes_only_what_make_made(course: Course, demo: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", course.root)
    program = course.root / ".venv/bin/autograder"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m autograder "$@"\n')
    program.chmod(0o755)
    mine = course.root / "demo/submitted/mary/week1/lines.ipynb"
    mine.parent.mkdir(parents=True)
    mine.write_text("her only copy")

    def make_clean() -> int:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(["make", "clean"], cwd=course.root, env=environment, check=False).returncode

    assert make_clean() != 0
    assert mine.exists() and program.exists()
    shutil.rmtree(course.root / "demo")
    scratch_copy(course, course.root / "demo")
    assert make_clean() == 0
    assert not (course.root / "demo").exists()
    assert program.exists(), "a .venv that make did not make"
    (course.root / ".venv/made-by-make").touch()
    assert make_clean() == 0
    assert not program.exists()
