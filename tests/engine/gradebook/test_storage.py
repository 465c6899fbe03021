"""A full disk, or a gradebook that is read-only or locked: one sentence, and nothing is lost."""

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

from autograder.nbgrader_glue.gradebook_file import class_gradebook
from tests.engine.support import small_class

pytestmark = pytest.mark.slow

Outcome = tuple[int, str]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of two, not yet graded."""
    root = small_class.write_class(tmp_path_factory.mktemp("storage") / "course")
    small_class.hand_in(root, "ada", small_class.solved(root))
    small_class.hand_in(root, "bob", small_class.wrong(root))
    return root


def grade(root: Path) -> Outcome:
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
    """The course on its own disk, with eight mebibytes to spare."""
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
    """Use up all the space that is left."""
    ballast = disk / "ballast"
    file = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, bytes(4096))
    os.close(file)
    return ballast


def assert_recovers(root: Path) -> None:
    """The same command again grades the whole class."""
    assert grade(root)[0] == 0
    scores = small_class.scores(root)
    assert {student for student, *_ in scores} == {"ada", "bob"}
    assert scores["ada", "part1_neurons", "count_params"][0] == 3.0
    assert scores["bob", "part1_neurons", "count_params"][0] < 3.0  # type: ignore[operator]
    assert len(list((root / "autograded").rglob("*.ipynb"))) == 2
    assert not list((root / "autograded").rglob(".*"))


def test_full_disk_is_reported_and_grading_can_be_finished_later(small_disk: Path) -> None:
    ballast = fill(small_disk.parent)
    before = small_class.scores(small_disk)
    code, message = grade(small_disk)
    assert code == 1
    assert message.startswith("autograder: ")
    assert "full" in message or "No space left on device" in message or "disk I/O error" in message, message
    assert "run the same command again" in message
    assert small_class.scores(small_disk) == before
    ballast.unlink()
    assert_recovers(small_disk)


def test_gradebook_can_be_written_but_graded_notebooks_cannot(course: Path) -> None:
    """The scores are recorded at once, and the files by the next run."""
    (course / "autograded").mkdir()
    (course / "autograded/ada").write_text("not a folder")
    code, message = grade(course)
    assert code == 1
    assert message.startswith("autograder: ") and "autograded/ada" in message
    (course / "autograded/ada").unlink()
    assert_recovers(course)


def test_read_only_gradebook(course: Path) -> None:
    book = class_gradebook(course)
    config = course / "nbgrader_config.py"
    url = f"sqlite:///file:{book}?mode=ro&uri=true"
    plain = config.read_text()
    config.write_text(f"{plain}\nc.CourseDirectory.db_url = {url!r}\n")
    code, message = grade(course)
    assert code == 1
    assert message.startswith(
        "autograder: the gradebook cannot be written (attempt to write a readonly database)"
    )
    assert small_class.scores(course) == {}
    config.write_text(plain)
    assert_recovers(course)


def test_locked_gradebook(course: Path) -> None:
    config = course / "nbgrader_config.py"
    plain = config.read_text()
    book = class_gradebook(course)
    config.write_text(f"{plain}\nc.CourseDirectory.db_url = 'sqlite:///{book}?timeout=1'\n")
    holder = sqlite3.connect(book, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        code, message = grade(course)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert code == 1
    assert message.startswith("autograder: the gradebook cannot be") and "database is locked" in message
    config.write_text(plain)
    assert_recovers(course)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(course: Path) -> None:
    (course / "autograded").mkdir(mode=0o500)
    code, message = grade(course)
    assert code == 1
    assert "Permission denied" in message
    (course / "autograded").chmod(0o700)
    assert_recovers(course)
