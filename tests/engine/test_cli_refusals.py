"""The command line: what is mistyped, missing or not the command's own is refused at once, by name."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder import __version__, cli, pipeline
from autograder.authoring.check import command as check_command
from autograder.authoring.release import make_release
from autograder.core.file_errors import file_error_sentence
from tests.engine.authoring.test_release import query
from tests.engine.support.sampled_course import Parts, asks, write_sampled
from tests.engine.support.small_course import ASSIGNMENT, ROOT, snapshot, write_course

Outcome = tuple[int, str, str]
"""Exit code, stdout, stderr."""
DOUBLE = Parts("def double(x):\n    return 2 * x", asks("double", small="3", large="1000"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of two assignments: week1, made by release, and module6, which graders can grade."""
    root = write_course(tmp_path_factory.mktemp("released"))
    make_release(root, ASSIGNMENT)
    sampled = write_sampled(tmp_path_factory.mktemp("sampled"), {"double": DOUBLE})
    for folder in ("source", "release", "solutions", "tests"):
        shutil.copytree(sampled / folder / "module6", root / folder / "module6")
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path) -> Path:
    return shutil.copytree(released, tmp_path / "course")


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return int(end.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def no_grading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if a command starts to grade."""

    def refuse(*_: Any) -> None:
        raise AssertionError("it began to grade")

    for module in (pipeline, check_command):
        monkeypatch.setattr(module, "Pool", refuse)


def sentence(outcome: Outcome) -> str:
    """The only line of a command that was refused."""
    code, out, err = outcome
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("autograder: ")
    return line


COMMANDS = [
    ("release",), ("release", "--check"), ("run", "part.ipynb"), ("grade",), ("feedback",), ("check",),
    ("new", "more", "--notebook", "part"), ("demo", "--folder", "somewhere"),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_folder_that_is_no_course_is_refused(
    run_cli: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Also by `run`, which once took its graders from elsewhere."""
    monkeypatch.chdir(tmp_path)
    assert "has no source/, so it is not a course: " in sentence(run_cli(*words))
    line = sentence(run_cli(*words, "--course", tmp_path / "typo"))
    assert f"{tmp_path / 'typo'} is not a folder: " in line and "--course" in line
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_invalid_settings_are_refused_by_every_command(
    run_cli: Callable[..., Outcome], course: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(course)
    (course / "pyproject.toml").write_text("[tool.autograder.time]\ncell = -1\n")
    before = snapshot(course)
    assert f"{course / 'pyproject.toml'}: [tool.autograder] is invalid: time.cell: " in sentence(
        run_cli(*words, "--course", course)
    )
    assert snapshot(course) == before


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["grade", "modul6"], "did you mean module6?"),
        (["release", "weak1"], "did you mean week1?"),
        (["release", "weak1", "--check"], "did you mean week1?"),
        (["check", "--assignment", "Module6"], "did you mean module6?"),
        (["run", "part.ipynb", "--assignment", "semester"], "there are only module6, week1."),
        (["demo", "--assignment", "week"], "did you mean week1?"),
        (
            ["new", "more", "--notebook", "n", "--assignment", "week2"],
            "did you mean week1? To begin a new one",
        ),
        (["check", "doubel"], "did you mean double?"),
        (["run", "part.ipynb", "--notebook", "parts"], "did you mean part?"),
        (["grade", "--student", "grcae"], "did you mean grace?"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_a_mistyped_name_is_answered_with_the_one_that_was_meant(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None, monkeypatch: pytest.MonkeyPatch,
    words: list[str], meant: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(course)
    (course / "submitted/grace/module6").mkdir(parents=True)
    code, out, err = run_cli(*words)
    assert code == 1
    assert meant in out + err
    assert len((out + err).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("prat.ipynb", "does not exist: did you mean part.ipynb?"),
        ("folder", "is a folder: name the notebooks in it"),
        ("folder.ipynb", "is a folder: name the notebooks in it"),
        ("part", "does not exist: did you mean part.ipynb?"),
        ("nowhere/part.ipynb", "does not exist."),
    ],
)
def test_a_file_to_run_that_is_no_notebook(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None, tmp_path: Path, name: str, why: str
) -> None:
    for folder in ("folder", "folder.ipynb"):
        (tmp_path / folder).mkdir()
    (tmp_path / "part.ipynb").write_text("{}")
    code, _, err = run_cli("run", tmp_path / name, "--course", course)
    assert code == 1
    assert err == f"autograder: {tmp_path / name} {why}" + err[err.index(why) + len(why) :]
    assert len(err.splitlines()) == 1


# -- files that options name ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [["run", "part.ipynb", "--json"], ["grade", "--json"], ["check", "--json"], ["check", "--html"]],
    ids=" ".join,
)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("part.ipynb", "was not written by an earlier --"),
        ("notes.txt", "was not written by an earlier --"),
        ("schema.json", "was not written by an earlier --"),
        ("folder", "is a folder"),
        ("no/such/file", "is not a folder"),
    ],
)
def test_an_output_file_of_another_kind_is_refused_before_anything_is_graded(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None, monkeypatch: pytest.MonkeyPatch,
    words: list[str], name: str, why: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(course)
    shutil.copy(ROOT / "source/module6/part1_neurons.ipynb", "part.ipynb")
    Path("notes.txt").write_text("mine")
    Path("schema.json").write_text('{"schema": "mine", "cells": []}')
    Path("folder").mkdir()
    before = snapshot(course)
    line = sentence(run_cli(*words, name))
    assert why in line and f"name another {words[-1]} file" in line
    assert snapshot(course) == before


def test_earlier_results_are_replaced_as_a_whole(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None, tmp_path: Path
) -> None:
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    link.symlink_to(real)
    for file in (real, link, real):
        run_cli("run", "missing.ipynb", "--json", file, "--course", course)
        assert json.loads(real.read_text())["results"][0]["status"] == "unreadable"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["link.json", "real.json"]


# -- everything else -----------------------------------------------------------------------------------


def test_version(run_cli: Callable[..., Outcome]) -> None:
    assert run_cli("--version") == (0, f"autograder {__version__}\n", "")


def test_interrupt_is_said_and_has_its_exit_code(
    run_cli: Callable[..., Outcome], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "grade_class", interrupt)
    outcome = run_cli("grade", "--course", course)
    assert outcome == (130, "", "autograder: stopped; what was finished is kept.\n")


def test_release_lists_what_changed(run_cli: Callable[..., Outcome], course: Path) -> None:
    unchanged = (
        0,
        f"release/{ASSIGNMENT}, solutions/{ASSIGNMENT} and gradebook.db were up to date with source/.\n",
        "",
    )
    run_cli("release", ASSIGNMENT, "--course", course)
    assert run_cli("release", ASSIGNMENT, "--course", course) == unchanged
    (course / "source" / ASSIGNMENT / "data.csv").write_text("1")
    code, out, err = run_cli("release", ASSIGNMENT, "--course", course)
    assert (code, out, err) == (0, f"{course}/release/{ASSIGNMENT}/data.csv\n", "")


def test_the_setting_for_the_number_of_workers_counts_everywhere(
    run_cli: Callable[..., Outcome], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        pass

    asked: list[int] = []

    def pool(_: Any, jobs: int) -> None:
        asked.append(jobs)
        raise Stop

    for module in (pipeline, check_command):
        monkeypatch.setattr(module, "Pool", pool)
    (course / "pyproject.toml").write_text("[tool.autograder]\njobs = 3\n")
    files = []
    for student in "abcd":
        files.append(course / f"submitted/{student}/module6/part.ipynb")
        files[-1].parent.mkdir(parents=True)
        shutil.copy(course / "release/module6/part.ipynb", files[-1])
    for words in (["run", *files], ["check"], ["check", "--jobs", "2"]):
        with pytest.raises(Stop):
            run_cli(*words, "--course", course)
    assert asked == [3, 3, 2]


def test_submissions_in_the_wrong_place_are_named(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None
) -> None:
    for name in (
        "ada/modul6/part.ipynb", "ada/week1/lines.ipynb", "bob/part.ipynb", "part.ipynb", "eve/module6/hw/part.ipynb",
        "eve/module6/.ipynb_checkpoints/part-checkpoint.ipynb",
    ):  # fmt: skip
        path = course / "submitted" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    _, _, err = run_cli("grade", "--course", course)
    strays = [line for line in err.splitlines() if "is not graded" in line]
    assert strays == [
        "autograder: submitted/ada/modul6 is not graded: no assignment is called modul6: did you mean module6?",
        "autograder: submitted/bob/part.ipynb is not graded: put it into submitted/<student>/module6/.",
        "autograder: submitted/part.ipynb is not graded: put it into submitted/<student>/module6/.",
    ]


def test_grading_into_the_committed_gradebook_says_how_to_move_it(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None
) -> None:
    shutil.rmtree(course / ".autograder")
    query(course / "gradebook.db", "INSERT INTO student (id) VALUES ('ada')")
    for words in (["grade"], ["demo"], ["release", ASSIGNMENT], ["release", ASSIGNMENT, "--check"]):
        _, out, err = run_cli(*words, "--course", course)
        assert "gradebook.db holds students, and whoever commits it publishes them: run `mkdir" in out + err
    assert not (course / ".autograder/gradebook.db").exists()


def test_a_drive_that_is_not_mounted_is_one_sentence(
    run_cli: Callable[..., Outcome], course: Path, no_grading: None
) -> None:
    """The class's gradebook is behind the link: no command may begin another one."""
    shutil.rmtree(course / ".autograder")
    (course / ".autograder").symlink_to("/nowhere/usb")
    for folder in ("submitted", "autograded"):
        (course / folder / "ada/module6").mkdir(parents=True)
        (course / folder / "ada/module6/part.ipynb").write_text("{}")
    for words in (["grade"], ["feedback"], ["release", ASSIGNMENT]):
        line = sentence(run_cli(*words, "--course", course))
        assert f"{course}/.autograder is a link to /nowhere/usb, which does not exist" in line


def test_a_folder_where_a_file_should_be_is_one_sentence(
    run_cli: Callable[..., Outcome], course: Path
) -> None:
    (course / "source/module6/part.ipynb").unlink()
    (course / "source/module6/part.ipynb").mkdir()
    line = sentence(run_cli("check", "--course", course))
    assert "source/module6/part.ipynb cannot be opened (Is a directory): fix this" in line


@pytest.mark.parametrize(
    ("number", "readable", "words"),
    [
        (errno.EACCES, False, "cannot be read (Permission denied)"),
        (errno.EACCES, True, "cannot be written (Permission denied)"),
        (errno.ENOSPC, True, "cannot be written (No space left on device)"),
        (errno.EROFS, True, "cannot be written (Read-only file system)"),
        (errno.EIO, True, "cannot be read or written (Input/output error)"),
        (errno.ENOENT, True, "cannot be opened (No such file or directory)"),
    ],
)
def test_reading_and_writing_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, readable: bool, words: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(os, "access", lambda *_: readable)  # root may read everything
    error = OSError(number, os.strerror(number), str(file))
    assert f"{file} {words}: " in (file_error_sentence(error) or "")
    assert file_error_sentence(OSError(errno.ECHILD, "No child processes")) is None


@pytest.mark.parametrize("end", ["", ">&-", ">&- 2>&-"])
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_cannot_be_printed_ends_no_command(encoding: str, end: str) -> None:
    """A file's name, or the lines of a table, where output has an old encoding or is closed."""
    command = f'exec "{sys.executable}" -m autograder run ☃.ipynb {end}'
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == (b"" if end else b"?.ipynb: unreadable\n")
    assert b"Traceback" not in done.stderr
    assert (b"does not exist" in done.stderr) is ("2>" not in end)


def test_a_folder_that_cannot_be_copied_is_one_sentence(tmp_path: Path) -> None:
    """shutil's own error has neither a number nor a file's name."""
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "gone").symlink_to("/nowhere/file")
    with pytest.raises(shutil.Error) as refused:
        shutil.copytree(tmp_path / "from", tmp_path / "to")
    words = (
        f"{tmp_path}/from/gone cannot be copied to {tmp_path}/to/gone (No such file or directory): fix this"
    )
    assert words in (file_error_sentence(refused.value) or "")
