"""A course on disk: its exercises, settings and secret seed."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.core.errors import CourseError
from autograder.core.settings import Settings
from autograder.course.course import Course
from autograder.course.solution_regions import defined_names
from tests.engine.support.small_course import ASSIGNMENT, ROOT, write_course


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(write_course(tmp_path), ASSIGNMENT)


def configured(course: Course, text: str) -> Settings:
    (course.root / "pyproject.toml").write_text(text)
    return Course(course.root, ASSIGNMENT).settings


def test_exercises_are_in_reading_order(course: Course) -> None:
    assert list(course.exercises) == ["slope", "line", "answers", "why"]
    assert [x.points for x in course.exercises.values()] == [3, 2, 1, 4]
    assert [x.id for x in course.exercises_of("lines", written=True)] == ["why"]
    assert len(course.exercises_of("lines", written=False)) == 3
    assert course.exercises_of("elsewhere", written=False) == []
    assert course.names_of("lines") == ["slope", "Line", "ANSWERS"]
    assert course.cell("slope_solution").is_solution
    with pytest.raises(CourseError, match="nowhere"):
        course.cell("nowhere")


def test_names_that_a_cell_defines() -> None:
    source = "import a\nx = y = 1\nz: int = 2\n(u, [v, *w]), q.r, s[0] = f(k)\nasync def h(): pass\n"
    assert {"x", "y", "z", "u", "v", "w"} <= set(defined_names(source))
    assert not {"q", "s", "f", "k", "int"} & set(defined_names(source))


@pytest.mark.parametrize("folder", ["source", "tests"])
def test_a_folder_that_is_not_a_course(tmp_path: Path, folder: str) -> None:
    other = {"source": "tests", "tests": "source"}[folder]
    (tmp_path / other / ASSIGNMENT).mkdir(parents=True)
    with pytest.raises(CourseError, match=rf"{folder}/{ASSIGNMENT}/.*--course"):
        Course(tmp_path, ASSIGNMENT)


def test_settings_have_defaults_and_can_be_set(course: Course) -> None:
    assert course.settings == Settings()
    assert configured(course, "[project]\nname = 'x'\n") == Settings()
    found = configured(course, "[tool.autograder]\njobs = 3\ntime.cell = 5\nmemory.processes = 7\n")
    assert (found.jobs, found.time.cell, found.memory.processes) == (3, 5.0, 7)
    assert found.time.notebook == Settings().time.notebook


@pytest.mark.parametrize(
    "text",
    [
        "[tool.autograder",
        "tool = 3",
        "[tool]\nautograder = 3",
        "[tool.autograder]\njob = 1",
        "[tool.autograder]\njobs = 'many'",
        "[tool.autograder.time]\ncel = 5",
        "[tool.autograder.time]\ncell = 'short'",
        "[tool.autograder.memory]\nmemory_bites = 5",
        "[tool.autograder]\nmemory = 5",
    ],
)
def test_invalid_settings_are_reported_with_the_file(course: Course, text: str) -> None:
    with pytest.raises(CourseError, match=r"pyproject\.toml: \[tool\.autograder\] is invalid"):
        configured(course, text)


def test_settings_that_are_not_utf8(course: Course) -> None:
    (course.root / "pyproject.toml").write_bytes(b"[tool]\nname = '\xe9'\n")
    with pytest.raises(CourseError, match=r"pyproject\.toml"):
        _ = course.settings


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_secret_is_created_once_and_readable_only_by_its_owner(course: Course) -> None:
    old = os.umask(0)
    try:
        seed = course.seed()
    finally:
        os.umask(old)
    assert mode(course.private / "secret") == 0o600
    assert mode(course.private) == 0o700
    assert os.listdir(course.private) == ["secret"]
    assert 0 <= seed < 2**62
    assert Course(course.root, ASSIGNMENT).seed() == seed


def test_every_course_has_a_different_secret(tmp_path: Path) -> None:
    roots = [write_course(tmp_path / str(n)) for n in range(4)]
    assert len({Course(root, ASSIGNMENT).seed() for root in roots}) == 4


def test_an_existing_secret_is_kept_and_a_damaged_one_is_reported(course: Course) -> None:
    course.private.mkdir()
    (course.private / "secret").write_text("123\n")
    assert course.seed() == 123
    (course.private / "secret").write_text("")
    with pytest.raises(CourseError, match=re.escape(str(course.private / "secret"))):
        course.seed()
    assert (course.private / "secret").read_text() == ""


TWO_PROCESSES = """
import os, secrets, sys
from pathlib import Path
from autograder.course.course import Course

draw = secrets.randbits
(start, send_start), (ready, send_ready) = os.pipe(), os.pipe()

def wait(bits):
    os.write(send_ready, b"1")
    os.read(start, 1)
    return draw(bits)

secrets.randbits = wait
pids = []
for _ in range(2):
    pids.append(os.fork())
    if pids[-1] == 0:
        os.write(1, f"{Course(Path(sys.argv[1]), sys.argv[2]).seed()}\\n".encode())  # one write: lines never mix
        os._exit(0)
for _ in pids:
    os.read(ready, 1)  # one process has found no secret
os.write(send_start, b"22")
for pid in pids:
    os.waitpid(pid, 0)
"""


def test_two_processes_that_start_together_agree(course: Course) -> None:
    argv = [sys.executable, "-c", TWO_PROCESSES, str(course.root), ASSIGNMENT]
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout.split() == 2 * [str(course.seed())]
    assert mode(course.private / "secret") == 0o600
    assert os.listdir(course.private) == ["secret"]
