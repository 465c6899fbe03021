"""The pre-commit hook in a real git repository: a class is one `git add -A` away from being published."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.authoring.test_release import query
from tests.engine.support.small_course import ROOT

HOOKS = ROOT / ".githooks"
Git = Callable[..., tuple[int, str]]
"""Run git in the repository; returns its exit code and all that it printed."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed course, ready for `make setup` to install the hook."""
    root = tmp_path / "course"
    root.mkdir()
    shutil.copytree(HOOKS, root / ".githooks")
    for name in ("gradebook.db", ".gitignore"):
        shutil.copy(ROOT / name, root)
    (root / "autograder/feedback").mkdir(parents=True)
    (root / "autograder/feedback/pages.py").write_text("# a part of the program\n")
    return root


@pytest.fixture
def git(repository: Path, tmp_path: Path) -> Git:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    names = {f"GIT_{who}_{what}": "ada@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    settings = {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*words: str) -> tuple[int, str]:
        line = words if words[0] == "sh" else ("git", *words)
        done = subprocess.run(
            line, cwd=repository, env=clean | names | settings, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout

    run("init", "--quiet")
    return run


@pytest.fixture
def committed(git: Git) -> Git:
    """The same, with the hook installed and a first commit made under its eyes."""
    assert "core.hooksPath = .githooks" in git("sh", ".githooks/install")[1]
    assert git("add", "-A")[0] == 0
    code, printed = git("commit", "--quiet", "-m", "The course")
    assert code == 0, printed
    return git


def write(path: Path, text: str = "private") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    "name",
    [
        "submitted/ada/module6/part1_neurons.ipynb",
        "autograded/ada/module6/part1_neurons.ipynb",
        "feedback/ada/module6/part1_neurons.html",
        "downloaded/module6/archive/ada.zip",
        "practice/submitted/ada/module6/part1_neurons.ipynb",
        ".autograder/secret",
        "Submitted/ümlaut/module6/x y.ipynb",
        "grades.csv",
        "export/Grades-2026.csv",
        "my_grades.csv",
        "gradebook.csv",
        "results-may.json",
        "submitted.zip",
        "backup/autograded.tar.gz",
        "feedback.7z",
        "submitted-old/ada/module6/part1_neurons.ipynb",
        "archive/autograded.bak/ada/module6/part1_neurons.ipynb",
        "feedback 2025/ada/module6/part1_neurons.html",
        "2025/feedback/ada/module6/part1_neurons.html",
        "backup/Submitted.zip",
        ".autograder.bak/secret",
    ],
)
def test_what_belongs_to_a_class_is_refused_and_the_way_out_works(
    committed: Git, repository: Path, name: str
) -> None:
    write(repository / name)
    write(repository / "README.md", "new")
    committed("add", "-A", "--force")
    before = committed("rev-parse", "HEAD")
    code, printed = committed("commit", "-m", "Everything")
    assert code != 0
    assert committed("rev-parse", "HEAD") == before
    assert name.encode("ascii", "backslashreplace").decode().replace("\\x", "\\x") in printed
    assert "NOTHING WAS COMMITTED" in printed
    (command,) = re.findall(r"run `git (.*?)`", printed)
    assert committed("sh", "-c", f"git {command}")[0] == 0
    code, printed = committed("commit", "-m", "Without the class")
    assert code == 0, printed
    assert (repository / name).exists()
    assert committed("show", "--name-only", "--format=", "HEAD")[1].split() == ["README.md"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("marks.csv", "assignment,duedate,timestamp,student_id,last_name\nmodule6,,,ada,\n"),
        ("ada.json", '{"results": [{"student": "ada", "score": 1.0, "max_score": 2.0}]}'),
        ("backup.sql", "BEGIN;\nINSERT INTO submitted_assignment VALUES('x','y','ada',NULL,NULL);\n"),
    ],
)
def test_grades_are_refused_whatever_the_file_is_called(
    committed: Git, repository: Path, name: str, text: str
) -> None:
    write(repository / "docs" / name, text)
    committed("add", "-A")
    code, printed = committed("commit", "-m", "Everything")
    assert code != 0 and f"pre-commit: docs/{name}: it holds grades: run `git rm" in printed


def test_data_of_the_course_is_committed(committed: Git, repository: Path) -> None:
    """Names and contents that only resemble a class's."""
    write(repository / "tests/submitted_values.py", "student_id = 1\n")
    write(repository / "source/module6/data.csv", "x,y\n1,2\n")
    write(repository / "release/module6/data.zip", "PK")
    write(repository / "matrix.json", '{"results": [{"student": null, "max_score": 2.0}]}')
    committed("add", "-A")
    code, printed = committed("commit", "-m", "Data")
    assert code == 0, printed


def test_git_add_all_commits_nothing_of_a_class(committed: Git, repository: Path) -> None:
    """.gitignore alone keeps all of it out; what is committed stays as it is."""
    for name in (
        "submitted/ada/module6/x.ipynb", "autograded/ada/module6/x.ipynb", "feedback/ada/module6/x.html",
        "downloaded/module6/archive/ada.zip", ".autograder/secret", ".autograder/gradebook.db", "grades.csv",
        "grades-2.csv", "results.json", "results2.json", "matrix.html", "gradebook.db-journal", "old.db",
        "gradebook.db.2026-01-05-101010.1", ".nbgrader.log", "submitted.zip", "submitted-old/ada/x.ipynb",
        "autograded.tar.gz", "feedback-2/ada/module6/x.html", ".autograder.bak/secret", "gradebook (copy).db",
        "gradebook.old",
    ):  # fmt: skip
        write(repository / name)
    assert committed("status", "--porcelain") == (0, "")
    query(repository / "gradebook.db", "UPDATE assignment SET name = name || ' '")
    assert committed("status", "--porcelain") == (0, " M gradebook.db\n"), "but the gradebook is tracked"


def test_a_gradebook_with_students_is_refused(committed: Git, repository: Path) -> None:
    query(repository / "gradebook.db", "INSERT INTO student (id) VALUES ('ada')")
    copies = ("backup.sqlite", "gradebook_may", "grades.db.bak", "Gradebook copy", "backup.old")
    for name in copies:
        shutil.copy(repository / "gradebook.db", repository / name)
    committed("add", "-A", "--force")
    code, printed = committed("commit", "-m", "Graded")
    assert code != 0
    for name in ("gradebook.db", *copies):
        assert f"pre-commit: {name}: it holds students or submissions (1 in all)" in printed
    assert "mv gradebook.db .autograder/ && autograder release" in printed
    committed("reset", "--quiet", "--", *copies)
    committed("checkout", "HEAD", "--", "gradebook.db")
    write(repository / "new.txt")
    committed("add", "new.txt")
    assert committed("commit", "-m", "Without")[0] == 0


def test_a_link_to_a_folder_of_the_class_is_refused(committed: Git, repository: Path) -> None:
    (repository / "submitted").symlink_to("/somewhere")
    committed("add", "-A", "--force")
    assert committed("commit", "-m", "A link")[0] != 0


@pytest.mark.parametrize(
    "name", ["autograder/feedback/submitted.py", "docs/feedback.zip", "results.py", "a.csv"]
)
def test_parts_of_the_course_are_committed(committed: Git, repository: Path, name: str) -> None:
    write(repository / name)
    committed("add", "-A")
    assert committed("commit", "-m", "More")[0] == 0


def test_the_staged_gradebook_counts_and_not_the_one_on_disk(committed: Git, repository: Path) -> None:
    pristine = (repository / "gradebook.db").read_bytes()
    query(repository / "gradebook.db", "INSERT INTO student (id) VALUES ('ada')")
    committed("add", "gradebook.db")
    (repository / "gradebook.db").write_bytes(pristine)
    assert committed("commit", "-m", "Sneaky")[0] != 0


def test_a_new_release_and_removed_private_files_are_committed(committed: Git, repository: Path) -> None:
    query(repository / "gradebook.db", "UPDATE grade_cells SET max_score = 7")
    committed("add", "-A")
    assert committed("commit", "-m", "More points")[0] == 0
    write(repository / "submitted/ada/x.ipynb")
    committed("add", "--force", "submitted")
    committed("commit", "--no-verify", "-m", "A mistake")
    committed("rm", "-r", "--cached", "--quiet", "submitted")
    assert committed("commit", "-m", "Mended")[0] == 0


def test_an_unreadable_gradebook_is_refused(committed: Git, repository: Path) -> None:
    (repository / "gradebook.db").write_bytes(b"no database")
    committed("add", "-A")
    code, printed = committed("commit", "-m", "Broken")
    assert code != 0
    assert "gradebook.db: it cannot be read as a gradebook" in printed


# -- `make setup` ------------------------------------------------------------------------------------


def test_installing_twice_says_it_once(committed: Git) -> None:
    assert committed("sh", ".githooks/install") == (0, "")
    assert committed("config", "core.hooksPath") == (0, ".githooks\n")


def test_other_hooks_are_left_alone(git: Git, repository: Path) -> None:
    write(repository / ".git/hooks/pre-commit", "#!/bin/sh\n")
    code, printed = git("sh", ".githooks/install")
    assert code == 0 and "call .githooks/pre-commit from there" in printed
    (repository / ".git/hooks/pre-commit").unlink()
    git("config", "core.hooksPath", "elsewhere")
    code, printed = git("sh", ".githooks/install")
    assert code == 0 and "git uses the hooks in elsewhere" in printed
    assert git("config", "core.hooksPath") == (0, "elsewhere\n")


def test_a_course_that_is_not_a_repository_of_its_own(git: Git, repository: Path) -> None:
    inner = repository / "inner"
    shutil.copytree(HOOKS, inner / ".githooks")
    assert git("sh", "-c", "cd inner && sh .githooks/install") == (0, "")
    assert git("config", "core.hooksPath")[0] != 0
    shutil.rmtree(repository / ".git")
    assert git("sh", ".githooks/install") == (0, "")
