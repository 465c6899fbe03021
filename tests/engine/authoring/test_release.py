"""Releasing a small course with real nbgrader."""

from __future__ import annotations

import io
import os
import re
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from nbgrader import dbutil
from nbgrader.api import Gradebook

from autograder.authoring.release import check_release, make_release
from autograder.core.errors import CourseError, ReleaseError
from autograder.course.course import Course
from autograder.gradebook import sqlite_diff
from autograder.nbgrader_glue.config import database_url
from autograder.nbgrader_glue.gradebook_file import class_gradebook
from tests.engine.support.small_course import (
    ASSIGNMENT,
    NOTEBOOK,
    RELEASED,
    ROOT,
    cell_of,
    graded,
    load,
    save,
    snapshot,
    solution,
    write_course,
)

SOLUTION = Path("solutions") / ASSIGNMENT / "lines.py"
CLASS = Path(".autograder/gradebook.db")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released course that tests must not change."""
    root = write_course(tmp_path_factory.mktemp("finished"))
    make_release(root, ASSIGNMENT)
    return root


@pytest.fixture
def course(finished: Path, tmp_path: Path) -> Path:
    """A copy of the released course for one test."""
    return shutil.copytree(finished, tmp_path / "course")


def change(root: Path, how: Callable[[dict[str, Any]], Any]) -> None:
    content = load(root / NOTEBOOK)
    how(content)
    save(root / NOTEBOOK, content)


def give_points(points: float) -> Callable[[dict[str, Any]], Any]:
    return lambda content: cell_of(content, "slope")["metadata"]["nbgrader"].update(points=points)


def query(database: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(sql).fetchall()


def enrol(root: Path, submit: bool, book: Path = CLASS) -> None:
    with Gradebook(f"sqlite:///{root / book}", "nnf") as gradebook:
        gradebook.add_student("ada")
        if submit:
            gradebook.add_submission(ASSIGNMENT, "ada")


# -- what a release contains -----------------------------------------------------------------------


def test_stubs_name_the_exercise(finished: Path) -> None:
    released = load(finished / RELEASED)
    source = {c["id"]: "".join(c["source"]) for c in released["cells"]}
    assert source["slope_solution"].endswith('    raise NotImplementedError("slope is not written yet")')
    assert source["line_solution"].count('raise NotImplementedError("Line is not') == 2
    assert source["answers_solution"] == 'raise NotImplementedError("answers is not written yet")'
    assert source["why"].startswith("*Write your answer here")
    assert source["intro"] == "# Lines\nWrite the *slope*."


def test_the_gradebook_contains_the_exercises_and_no_student(finished: Path) -> None:
    gradebook = finished / "gradebook.db"
    assert sqlite_diff.people(gradebook) == (0, 0)
    cells = query(gradebook, "SELECT name, max_score FROM grade_cells JOIN base_cell USING (id) ORDER BY 1")
    assert cells == [("answers", 1.0), ("line", 2.0), ("slope", 3.0), ("why", 4.0)]


def test_a_second_build_elsewhere_is_identical(finished: Path, tmp_path: Path) -> None:
    again = write_course(tmp_path / "again")
    made = make_release(again, ASSIGNMENT)
    assert made == [again / RELEASED, again / SOLUTION, again / "gradebook.db"]
    for path in made[:2]:
        assert path.read_bytes() == (finished / path.relative_to(again)).read_bytes()
    assert sqlite_diff.tables(made[2]) == sqlite_diff.tables(finished / "gradebook.db")


def test_releasing_again_leaves_identical_files_alone(course: Path) -> None:
    before = snapshot(course)
    assert make_release(course, ASSIGNMENT) == []
    assert snapshot(course) == before


def test_only_what_changed_is_replaced(course: Path) -> None:
    other = course / "source" / ASSIGNMENT / "note.txt"
    other.write_text("for students")
    assert make_release(course, ASSIGNMENT) == [course / "release" / ASSIGNMENT / "note.txt"]
    change(course, lambda content: cell_of(content, "intro").update(source="# Other words"))
    before = snapshot(course)
    assert make_release(course, ASSIGNMENT) == [course / RELEASED]
    after = snapshot(course)
    assert {name for name in after if after[name] != before[name]} == {str(RELEASED)}


def test_a_renamed_notebook_leaves_nothing_behind(course: Path) -> None:
    (course / NOTEBOOK).rename(course / NOTEBOOK.with_name("curves.ipynb"))
    made = make_release(course, ASSIGNMENT)
    assert set(made) >= {course / RELEASED, course / SOLUTION}
    assert not (course / RELEASED).exists() and not (course / SOLUTION).exists()
    assert check_release(course, ASSIGNMENT) == []


@pytest.mark.parametrize("place", [RELEASED.with_name("mine.ipynb"), SOLUTION.with_name("helpers.py")])
def test_a_file_that_somebody_put_there_stays(course: Path, place: Path) -> None:
    """Nothing is released until its owner has decided."""
    (course / place).write_text("mine")
    change(course, give_points(5))
    before = snapshot(course)
    with pytest.raises(ReleaseError, match=f"{place} is not made from source/week1: delete it, or move it"):
        make_release(course, ASSIGNMENT)
    assert snapshot(course) == before
    (checkpoints := course / RELEASED.parent / ".ipynb_checkpoints").mkdir()
    (checkpoints / "lines-checkpoint.ipynb").write_text("{}")
    (course / place).unlink()
    make_release(course, ASSIGNMENT)
    assert checkpoints.exists()


def test_what_file_managers_leave_there_does_not_matter(course: Path) -> None:
    make_release(course, ASSIGNMENT)
    for place in ("release", "source"):
        (course / place / ASSIGNMENT / ".DS_Store").write_bytes(b"\0Bud1")
    assert make_release(course, ASSIGNMENT) == []
    assert check_release(course, ASSIGNMENT) == []
    assert (course / "release" / ASSIGNMENT / ".DS_Store").exists(), "it is somebody else's"
    assert ".DS_Store" not in [path.name for path in Course(course, ASSIGNMENT).materials]


def test_an_unknown_assignment_is_named(course: Path) -> None:
    before = snapshot(course)
    for name, meant in (("weak1", "did you mean week1?"), ("", "there is only week1."), (".", "only week1.")):
        with pytest.raises(ReleaseError, match=re.escape(meant)):
            make_release(course, name)
        assert meant in check_release(course, name)[0]
    assert snapshot(course) == before


def test_a_second_assignment_joins_the_gradebook_and_a_draft_does_not(course: Path) -> None:
    for name in ("week2", "draft"):
        content = load(course / NOTEBOOK)
        content["cells"] = content["cells"][:4]
        (course / "source" / name).mkdir()
        save(course / "source" / name / "more.ipynb", content)
    make_release(course, "week2")
    names = query(course / "gradebook.db", "SELECT name FROM assignment ORDER BY 1")
    assert names == [(ASSIGNMENT,), ("week2",)]
    assert check_release(course, "week2") == check_release(course, ASSIGNMENT) == []


def test_the_gradebook_has_the_schema_version_that_alembic_reports(finished: Path) -> None:
    """With any other version, later nbgrader commands refuse the database."""
    output = io.StringIO()
    with dbutil._temp_alembic_ini("sqlite://") as settings:
        command.heads(Config(settings, stdout=output))
    ((version,),) = query(finished / "gradebook.db", "SELECT version_num FROM alembic_version")
    assert output.getvalue().split() == [version, "(head)"]


# -- failures --------------------------------------------------------------------------------------


def test_failure_before_the_move_changes_nothing(course: Path) -> None:
    change(course, give_points(0))
    before = snapshot(course)
    with pytest.raises(ReleaseError, match="worth 0 points"):
        make_release(course, ASSIGNMENT)
    assert snapshot(course) == before


def test_failure_inside_nbgrader_is_explained(course: Path) -> None:
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.IncludeHeaderFooter.header = 'missing.ipynb'\n")
    before = snapshot(course)
    with pytest.raises(ReleaseError, match=r"No such file or directory: 'missing.ipynb'"):
        make_release(course, ASSIGNMENT)
    assert snapshot(course) == before


def test_failure_during_the_move_restores_the_old_files(course: Path) -> None:
    change(course, lambda content: cell_of(content, "intro").update(source="# Other words"))
    shutil.rmtree(course / "solutions")
    (course / "solutions").write_text("a file where a folder has to be")
    before = snapshot(course)
    with pytest.raises(OSError):
        make_release(course, ASSIGNMENT)
    assert snapshot(course) == before


def test_a_folder_that_is_not_a_course_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"has no nbgrader_config\.py"):
        make_release(tmp_path, ASSIGNMENT)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    with pytest.raises(ReleaseError, match=r"source/week1/ in .* contains no notebooks"):
        make_release(tmp_path, ASSIGNMENT)
    assert check_release(tmp_path, ASSIGNMENT)[0].startswith("source/week1/")


# -- check -----------------------------------------------------------------------------------------


def test_check_of_a_fresh_release_is_silent_and_changes_nothing(course: Path) -> None:
    before = snapshot(course)
    assert check_release(course, ASSIGNMENT) == []
    assert snapshot(course) == before


def test_check_lists_every_stale_file_and_the_repair(course: Path) -> None:
    change(course, lambda content: cell_of(content, "intro").update(source="# Other words"))
    change(course, give_points(5))
    (course / SOLUTION).unlink()
    (course / "release" / ASSIGNMENT / "old.txt").write_text("put there by hand")
    before = snapshot(course)
    stale = check_release(course, ASSIGNMENT)
    assert snapshot(course) == before
    assert [sentence.split()[0] for sentence in stale] == [
        str(RELEASED),
        f"release/{ASSIGNMENT}/old.txt",
        str(SOLUTION),
        "gradebook.db",
    ]
    assert all("run `autograder release`" in sentence for sentence in stale if "old.txt" not in sentence)
    (course / "release" / ASSIGNMENT / "old.txt").unlink()
    make_release(course, ASSIGNMENT)
    assert check_release(course, ASSIGNMENT) == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE grade_cells SET max_score = 9 WHERE max_score = 3",
        "UPDATE notebook SET id = 'other'",
        "INSERT INTO course VALUES ('another')",
        "UPDATE source_cell SET source = source || ' '",
    ],
)
def test_check_compares_the_gradebook_row_for_row(course: Path, sql: str) -> None:
    query(course / "gradebook.db", sql)
    assert check_release(course, ASSIGNMENT) == [
        "gradebook.db is not up to date with source/: run `autograder release`."
    ]


def test_check_compares_rows_and_not_bytes(course: Path) -> None:
    gradebook = course / "gradebook.db"
    before = gradebook.read_bytes()
    query(gradebook, "CREATE INDEX quick ON base_cell (name)")
    assert gradebook.read_bytes() != before
    assert check_release(course, ASSIGNMENT) == []


def test_check_refuses_students_and_an_unreadable_gradebook(course: Path) -> None:
    enrol(course, submit=False, book=Path("gradebook.db"))
    (sentence,) = check_release(course, ASSIGNMENT)
    assert "gradebook.db holds students" in sentence
    assert "move the other one out of the course and run `autograder release`" in sentence
    (course / CLASS).unlink()
    (sentence,) = check_release(course, ASSIGNMENT)
    assert f"mv gradebook.db {CLASS.parent}/ && autograder release`" in sentence
    (course / "gradebook.db").write_bytes(b"no database " * 100)
    (sentence,) = check_release(course, ASSIGNMENT)
    assert "cannot be read as a gradebook" in sentence
    assert "restore it with `git checkout gradebook.db`" in sentence


def test_the_damaged_gradebook_of_a_class_is_restored_from_a_backup(tmp_path: Path) -> None:
    book = tmp_path / CLASS
    book.parent.mkdir()
    book.write_bytes(b"no database " * 100)
    with pytest.raises(ReleaseError) as caught:
        sqlite_diff.tables(book)
    (sentence,) = caught.value.sentences
    assert "restore it from a backup" in sentence
    assert "git checkout" not in sentence


def test_the_committed_gradebook_has_no_students() -> None:
    assert sqlite_diff.people(ROOT / "gradebook.db") == (0, 0)


# -- a course with students ------------------------------------------------------------------------


def test_the_class_has_a_gradebook_of_its_own(course: Path) -> None:
    """Grading never changes the one that is committed, and only its owner can open the class's."""
    assert stat.S_IMODE((course / CLASS.parent).stat().st_mode) == 0o700
    assert database_url(course) == f"sqlite:///{course / CLASS}?timeout=60"
    assert sqlite_diff.tables(course / CLASS) == sqlite_diff.tables(course / "gradebook.db")
    enrol(course, submit=True)
    assert check_release(course, ASSIGNMENT) == []
    shutil.rmtree(course / CLASS.parent)
    (course / CLASS.parent).mkdir(mode=0o755)
    assert database_url(course) == f"sqlite:///{course / CLASS}?timeout=60"
    assert stat.S_IMODE((course / CLASS).stat().st_mode) == 0o600, "whoever may open the folder"
    assert sqlite_diff.people(course / CLASS) == (0, 0), "made again from the committed one"
    assert os.listdir(course / CLASS.parent) == ["gradebook.db"]


def test_the_gradebook_of_a_class_is_updated_in_place(course: Path) -> None:
    enrol(course, submit=True)
    change(course, give_points(7))
    said: list[str] = []
    made = make_release(course, ASSIGNMENT, said.append)
    assert course / "gradebook.db" in made and course / CLASS not in made
    assert len(said) == 1 and "holds 1 students and 1 submissions" in said[0]
    assert sqlite_diff.people(course / CLASS) == (1, 1)
    for book in (course / CLASS, course / "gradebook.db"):
        assert (7.0,) in query(book, "SELECT max_score FROM grade_cells")
    assert sqlite_diff.people(course / "gradebook.db") == (0, 0)
    said.clear()
    assert make_release(course, ASSIGNMENT, said.append) == [] == said, "nothing is left to update"


def test_what_an_instructor_set_before_the_first_student_survives(course: Path) -> None:
    query(course / CLASS, "UPDATE assignment SET duedate = '2026-02-01 12:00:00.000000'")
    change(course, give_points(7))
    make_release(course, ASSIGNMENT)
    assert query(course / CLASS, "SELECT duedate FROM assignment") == [("2026-02-01 12:00:00.000000",)]
    assert (7.0,) in query(course / CLASS, "SELECT max_score FROM grade_cells")


def test_a_class_in_the_committed_gradebook_stays_there_until_it_is_moved(course: Path) -> None:
    """As an earlier version left it."""
    shutil.rmtree(course / CLASS.parent)
    enrol(course, submit=True, book=Path("gradebook.db"))
    change(course, give_points(7))
    said: list[str] = []
    make_release(course, ASSIGNMENT, said.append)
    assert database_url(course) == f"sqlite:///{course / 'gradebook.db'}?timeout=60"
    assert not (course / CLASS.parent).exists()
    assert sqlite_diff.people(course / "gradebook.db") == (1, 1)
    assert (7.0,) in query(course / "gradebook.db", "SELECT max_score FROM grade_cells")
    (command_line,) = re.findall(r"`(.*) && autograder release`", said[-1])
    subprocess.run(command_line, shell=True, cwd=course, check=True)
    make_release(course, ASSIGNMENT)
    assert sqlite_diff.people(course / CLASS) == (1, 1)
    assert database_url(course) == f"sqlite:///{course / CLASS}?timeout=60"
    assert check_release(course, ASSIGNMENT) == []


def test_a_locked_gradebook_is_not_taken_for_an_empty_one(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(course / CLASS.parent)
    enrol(course, submit=True, book=Path("gradebook.db"))
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, timeout=0, **more: connect(*a, timeout=0, **more))
    with closing(connect(course / "gradebook.db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CourseError, match="locked.*close what uses it"):
            class_gradebook(course)
    assert not (course / CLASS).exists()


def test_a_gradebook_with_submissions_refuses_a_new_exercise(course: Path) -> None:
    enrol(course, submit=True)
    more = [solution("more", "more = 1"), graded("more", "assert more", 1)]
    change(course, lambda content: content["cells"].extend(more))
    before = snapshot(course)
    with pytest.raises(ReleaseError, match="cannot add or remove cells for notebook 'lines'.*: undo that in"):
        make_release(course, ASSIGNMENT)
    assert snapshot(course) == before


@pytest.mark.parametrize("external", [False, True])
def test_the_gradebook_is_changed_last(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, external: bool
) -> None:
    """If the files cannot be put in place, no gradebook has changed."""
    book = tmp_path / "other.db" if external else course / CLASS
    if external:
        monkeypatch.setenv("NBGRADER_DB_URL", f"sqlite:///{book}")
        shutil.copy(course / "gradebook.db", book)
    enrol(course, submit=True, book=book)
    change(course, give_points(7))
    (course / SOLUTION).unlink()
    (course / SOLUTION).mkdir()
    change(course, lambda content: cell_of(content, "slope_solution").update(source="def slope(): return 9"))
    before, rows = snapshot(course), sqlite_diff.tables(book)
    with pytest.raises(OSError):
        make_release(course, ASSIGNMENT)
    assert (snapshot(course), sqlite_diff.tables(book)) == (before, rows)


def test_files_are_put_back_if_the_gradebook_cannot_be_updated(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrol(course, submit=True)
    change(course, give_points(7))
    shutil.rmtree(course / "solutions")
    monkeypatch.setattr(sqlite_diff, "LOCK_TIMEOUT", 0.1)
    with closing(sqlite3.connect(course / CLASS, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")  # as formgrader does while it writes
        before = snapshot(course)
        with pytest.raises(ReleaseError, match="database is locked.*close what uses it"):
            make_release(course, ASSIGNMENT)
    assert snapshot(course) == before
    assert not (course / "solutions").exists()
    make_release(course, ASSIGNMENT)
    assert (7.0,) in query(course / CLASS, "SELECT max_score FROM grade_cells")


def test_a_database_that_cannot_be_reached_changes_nothing(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(course, give_points(7))
    before = snapshot(course)
    monkeypatch.setenv("NBGRADER_DB_URL", "postgresql+psycopg://ada:secret@localhost:1/grades")
    with pytest.raises(ReleaseError, match="nbgrader could not generate week1: ") as caught:
        make_release(course, ASSIGNMENT)
    assert "secret" not in str(caught.value)
    assert snapshot(course) == before


def test_an_update_keeps_what_others_wrote_meanwhile(course: Path, tmp_path: Path) -> None:
    live, before, after = course / CLASS, tmp_path / "before.db", tmp_path / "after.db"
    for copy in (before, after):
        shutil.copy(live, copy)
    query(after, "UPDATE grade_cells SET max_score = 8 WHERE max_score = 3")
    enrol(course, submit=False)
    assert sqlite_diff.apply_changes(before, after, live) == 2
    assert sqlite_diff.people(live) == (1, 0)
    query(live, "UPDATE grade_cells SET max_score = 9 WHERE max_score = 8")
    unchanged = sqlite_diff.tables(live)
    with pytest.raises(ReleaseError, match="changed while it was being updated"):
        sqlite_diff.apply_changes(before, after, live)
    assert sqlite_diff.tables(live) == unchanged


def test_the_database_set_in_the_environment_is_updated_too(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.db"
    monkeypatch.setenv("NBGRADER_DB_URL", f"sqlite:///{other}")
    shutil.copy(course / "gradebook.db", other)
    enrol(course, submit=False, book=other)
    change(course, give_points(7))
    said: list[str] = []
    make_release(course, ASSIGNMENT, said.append)
    assert (7.0,) in query(other, "SELECT max_score FROM grade_cells")
    assert (7.0,) in query(course / "gradebook.db", "SELECT max_score FROM grade_cells")
    assert str(other) in said[0]


def test_a_new_database_set_in_the_environment_is_created(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.db"
    monkeypatch.setenv("NBGRADER_DB_URL", f"sqlite:///{other}?timeout=60")
    said: list[str] = []
    assert make_release(course, ASSIGNMENT, said.append) == []
    assert sqlite_diff.tables(other) == sqlite_diff.tables(course / "gradebook.db")
    assert said == [f"{other} was created: it is set as the course's database."]
