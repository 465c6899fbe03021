"""Releasing a small course with real nbgrader."""

from __future__ import annotations

import io
import shutil
import sqlite3
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
from autograder.core.errors import ReleaseError
from autograder.gradebook import sqlite_diff
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


def enrol(root: Path, submit: bool) -> None:
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "nnf") as gradebook:
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
    make_release(course, ASSIGNMENT)
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
    with pytest.raises(FileExistsError):
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
    (course / "release" / ASSIGNMENT / "old.txt").write_text("left over")
    before = snapshot(course)
    stale = check_release(course, ASSIGNMENT)
    assert snapshot(course) == before
    assert [sentence.split()[0] for sentence in stale] == [
        str(RELEASED),
        f"release/{ASSIGNMENT}/old.txt",
        str(SOLUTION),
        "gradebook.db",
    ]
    assert all("run `autograder release`" in sentence for sentence in stale)
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
    enrol(course, submit=False)
    (sentence,) = check_release(course, ASSIGNMENT)
    assert "gradebook.db holds 1 students" in sentence
    assert "`autograder release`" in sentence
    (course / "gradebook.db").write_bytes(b"no database " * 100)
    (sentence,) = check_release(course, ASSIGNMENT)
    assert "cannot be read as a gradebook" in sentence


def test_the_committed_gradebook_has_no_students() -> None:
    assert sqlite_diff.people(ROOT / "gradebook.db") == (0, 0)


# -- a course with students ------------------------------------------------------------------------


def test_a_gradebook_with_students_is_updated_in_place(course: Path) -> None:
    enrol(course, submit=True)
    change(course, give_points(7))
    said: list[str] = []
    make_release(course, ASSIGNMENT, said.append)
    gradebook = course / "gradebook.db"
    assert "holds 1 students and 1 submissions" in said[0]
    assert sqlite_diff.people(gradebook) == (1, 1)
    assert (7.0,) in query(gradebook, "SELECT max_score FROM grade_cells")


def test_a_gradebook_with_submissions_refuses_a_new_exercise(course: Path) -> None:
    enrol(course, submit=True)
    more = [solution("more", "more = 1"), graded("more", "assert more", 1)]
    change(course, lambda content: content["cells"].extend(more))
    before = snapshot(course)
    with pytest.raises(ReleaseError, match="Cannot add or remove cells for notebook 'lines'"):
        make_release(course, ASSIGNMENT)
    assert snapshot(course) == before


def test_an_update_keeps_what_others_wrote_meanwhile(course: Path, tmp_path: Path) -> None:
    live, before, after = course / "gradebook.db", tmp_path / "before.db", tmp_path / "after.db"
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
    change(course, give_points(7))
    said: list[str] = []
    make_release(course, ASSIGNMENT, said.append)
    assert (7.0,) in query(other, "SELECT max_score FROM grade_cells")
    assert (7.0,) in query(course / "gradebook.db", "SELECT max_score FROM grade_cells")
    assert str(other) in said[0]
