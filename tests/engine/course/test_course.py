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


def test_a_folder_that_is_not_a_course(tmp_path: Path) -> None:
    (tmp_path / "tests" / ASSIGNMENT).mkdir(parents=True)
    with pytest.raises(CourseError, match=r"has no source/, so it is not a course.*--course"):
        Course(tmp_path, ASSIGNMENT)
    with pytest.raises(CourseError, match=r"typo is not a folder.*--course"):
        Course(tmp_path / "typo", ASSIGNMENT)


def test_an_assignment_without_graders(tmp_path: Path) -> None:
    (tmp_path / "source" / ASSIGNMENT).mkdir(parents=True)
    with pytest.raises(CourseError, match=f"has no tests/{ASSIGNMENT}/: make that folder"):
        Course(tmp_path, ASSIGNMENT)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("weak1", "did you mean week1?"), ("WEEK1", "did you mean week1?"), ("final", "there is only week1."),
     ("..", "there is only week1."), ("../source/week1", ""), ("", "there is only week1.")],
)  # fmt: skip
def test_unknown_assignment_is_named_with_the_one_that_was_meant(
    course: Course, name: str, meant: str
) -> None:
    with pytest.raises(CourseError) as caught:
        Course(course.root, name)
    assert f"has no assignment {name!r}: {meant}" in str(caught.value)


def test_settings_have_defaults_and_can_be_set(course: Course) -> None:
    assert course.settings == Settings()
    assert configured(course, "[project]\nname = 'x'\n") == Settings()
    found = configured(course, "[tool.autograder]\njobs = 3\ntime.cell = 5\nmemory.processes = 7\n")
    assert (found.jobs, found.time.cell, found.memory.processes) == (3, 5.0, 7)
    assert found.time.notebook == Settings().time.notebook


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[tool.autograder", ""),
        ("tool = 3", "tool"),
        ("[tool]\nautograder = 3", "a table"),
        ("[tool.autograder]\njob = 1", "no setting job: did you mean jobs?"),
        ("[tool.autograder]\njobs = 'many'", "jobs: "),
        ("[tool.autograder]\njobs = -1", "jobs: "),
        ("[tool.autograder]\njobs = 1000000", "jobs: "),
        ("[tool.autograder]\nunsafe = 'no'", "unsafe: expected true or false"),
        ("[tool.autograder.tme]\ncell = 5", "no setting tme: did you mean time?"),
        ("[tool.autograder.time]\ncel = 5", "no setting time.cel: did you mean time.cell?"),
        ("[tool.autograder.time]\ncell = 'short'", "time.cell: "),
        ("[tool.autograder.time]\ncell = true", "time.cell: "),
        ("[tool.autograder.time]\ncell = 0", "time.cell: "),
        ("[tool.autograder.time]\nquestion = -3", "time.question: "),
        ("[tool.autograder.time]\nexercise = nan", "time.exercise: "),
        ("[tool.autograder.time]\nsubmission = inf", "time.submission: "),
        ("[tool.autograder.time]\nlost_cells = -1", "time.lost_cells: "),
        ("[tool.autograder.memory]\nmemory_bites = 5", "did you mean memory.memory_bytes?"),
        ("[tool.autograder.memory]\nprocesses = 0", "processes"),
        ("[tool.autograder.memory]\ntmp_files = -8", "tmp_files"),
        ("[tool.autograder.memory]\nfile_bytes = 9223372036854775807", "file_bytes"),
        ("[tool.autograder.memory]\ncpu_seconds = 1.5", "memory.cpu_seconds: "),
        ("[tool.autograder]\nmemory = 5", "memory: expected a table"),
    ],
)
def test_invalid_settings_are_named_with_the_file(course: Course, text: str, name: str) -> None:
    """At once: a course with invalid settings cannot even be opened."""
    (course.root / "pyproject.toml").write_text(text)
    with pytest.raises(CourseError) as caught:
        Course(course.root, ASSIGNMENT)
    start = f"{course.root / 'pyproject.toml'}: [tool.autograder] is invalid: "
    assert str(caught.value).startswith(start)
    assert name in str(caught.value).removeprefix(start)


@pytest.mark.parametrize(
    "table",
    [
        "[tool.autogrdaer]",
        "[tool.Autograder.time]",
        "[autograder]",
        "[autograder.memory]",
        "[tool.auto-grader]",
    ],
)
def test_a_mistyped_table_is_named(course: Course, table: str) -> None:
    (course.root / "pyproject.toml").write_text(f"{table}\njobs = 2\n[tool.autoflake]\n[grader]\n")
    name = table.replace(".time", "").replace(".memory", "")
    with pytest.raises(CourseError) as caught:
        Course(course.root, ASSIGNMENT)
    assert str(caught.value) == (
        f"{course.root / 'pyproject.toml'}: there is no table {name}: did you mean [tool.autograder]?"
    )


def test_settings_that_are_not_utf8(course: Course) -> None:
    (course.root / "pyproject.toml").write_bytes(b"[tool]\nname = '\xe9'\n")
    with pytest.raises(CourseError, match=r"pyproject\.toml"):
        Course(course.root, ASSIGNMENT)


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


def test_a_path_that_nbgraders_database_cannot_have_is_refused(tmp_path: Path) -> None:
    root = write_course(tmp_path / "is it right?")
    with pytest.raises(CourseError, match=r"right\?' has a question mark in it"):
        Course(root, ASSIGNMENT)
