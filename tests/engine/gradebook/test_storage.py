"""A full disk, a gradebook that cannot be written or is held by somebody: one sentence, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.support import small_class

Told = tuple[int, str]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of two, not yet graded."""
    root = small_class.write_class(tmp_path_factory.mktemp("storage") / "course")
    small_class.hand_in(root, "ada", small_class.solved(root))
    small_class.hand_in(root, "bob", small_class.wrong(root))
    return root


def grade(root: Path) -> Told:
    """The exit code of `autograder grade`, and its last line on stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", "--course", str(root)],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]


@pytest.fixture
def course(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "course")


@pytest.fixture
def small_disk(written: Path, tmp_path: Path) -> Iterator[Path]:
    """The course on a disk of its own with eight megabytes to spare."""
    disk = tmp_path / "disk"
    disk.mkdir()
    needed = sum(path.stat().st_size + 8192 for path in written.rglob("*"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={needed + 8 * 2**20}", "tmpfs", str(disk)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield shutil.copytree(written, disk / "course")
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    ballast = disk / "ballast"
    file = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, bytes(4096))
    os.close(file)
    return ballast


def recovered(root: Path) -> None:
    """The same command again grades everyone, and what it gives is a whole class."""
    assert grade(root)[0] == 0
    scores = small_class.scores(root)
    assert {student for student, *_ in scores} == {"ada", "bob"}
    assert scores["ada", "part1_neurons", "count_params"][0] == 3.0
    assert scores["bob", "part1_neurons", "count_params"][0] < 3.0  # type: ignore[operator]
    assert len(list((root / "autograded").rglob("*.ipynb"))) == 2
    assert not list((root / "autograded").rglob(".*"))


def test_a_full_disk_is_said_and_the_class_is_finished_later(small_disk: Path) -> None:
    ballast = fill(small_disk.parent)
    before = small_class.scores(small_disk)
    code, said = grade(small_disk)
    assert code == 1
    assert said.startswith("autograder: ")
    assert "full" in said or "No space left on device" in said or "disk I/O error" in said, said
    assert "run the same command again" in said
    assert small_class.scores(small_disk) == before
    ballast.unlink()
    recovered(small_disk)


def test_no_room_for_the_graded_notebooks_alone(course: Path) -> None:
    """The gradebook lies elsewhere and can be written: the scores are there, the files come later."""
    (course / "autograded").mkdir()
    (course / "autograded/ada").write_text("not a folder")
    code, said = grade(course)
    assert code == 1
    assert said.startswith("autograder: ") and "autograded/ada" in said
    (course / "autograded/ada").unlink()
    recovered(course)


def test_a_gradebook_that_may_not_be_written(course: Path) -> None:
    book = course / "gradebook.db"
    config = course / "nbgrader_config.py"
    url = f"sqlite:///file:{book}?mode=ro&uri=true"
    plain = config.read_text()
    config.write_text(f"{plain}\nc.CourseDirectory.db_url = {url!r}\n")
    code, said = grade(course)
    assert code == 1
    assert said.startswith(
        "autograder: the gradebook cannot be written (attempt to write a readonly database)"
    )
    assert small_class.scores(course) == {}
    config.write_text(plain)
    recovered(course)


def test_a_gradebook_that_somebody_holds(course: Path) -> None:
    config = course / "nbgrader_config.py"
    plain = config.read_text()
    config.write_text(f"{plain}\nc.CourseDirectory.db_url = 'sqlite:///{course}/gradebook.db?timeout=1'\n")
    holder = sqlite3.connect(course / "gradebook.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        code, said = grade(course)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert code == 1
    assert said.startswith("autograder: the gradebook cannot be") and "database is locked" in said
    config.write_text(plain)
    recovered(course)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(course: Path) -> None:
    (course / "autograded").mkdir(mode=0o500)
    code, said = grade(course)
    assert code == 1
    assert "Permission denied" in said
    (course / "autograded").chmod(0o700)
    recovered(course)
