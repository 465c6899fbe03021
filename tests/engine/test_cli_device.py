"""The option --device and the setting: where a command grades, and what it says where there is no GPU.

A stub stands for the probe, so no test here needs a GPU, or cares whether there is one.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder import cli, pipeline
from autograder.authoring.check import command as check_command
from autograder.authoring.release import make_release
from autograder.core.records import WorkerConfig
from autograder.course.course import Course
from autograder.workers.card import Found
from tests.engine.support.small_course import ASSIGNMENT, NOTEBOOK, snapshot, write_course
from tests.engine.support.stub_cards import GIB, GOOD, MISSING, put_in

Outcome = tuple[int, str, str]
"""Exit code, stdout, stderr."""
NAME = Path(NOTEBOOK).name
OTHER = ["--assignment", ASSIGNMENT]
COMMANDS = [["run", *[NAME] * 4, *OTHER], ["grade", ASSIGNMENT], ["check", *OTHER]]


class Stop(Exception):
    """A command began to grade."""


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released course with four students, and four workers by default."""
    root = write_course(tmp_path_factory.mktemp("course"))
    make_release(root, ASSIGNMENT)
    for exercise in ("line", "answers"):  # the graders are never loaded here
        folder = root / "tests" / ASSIGNMENT / exercise
        folder.mkdir()
        (folder / f"test_{exercise}.py").touch()
    for student in "abcd":
        folder = root / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        shutil.copy(root / "release" / ASSIGNMENT / NAME, folder)
    shutil.copy(root / "release" / ASSIGNMENT / NAME, root)
    (root / "pyproject.toml").write_text("[tool.autograder]\njobs = 4\n")
    Course(root, ASSIGNMENT).seed()
    return root


@pytest.fixture
def course(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = shutil.copytree(released, tmp_path / "course")
    monkeypatch.chdir(root)
    return root


def use(root: Path, device: str) -> None:
    """Set the setting."""
    with (root / "pyproject.toml").open("a") as file:
        file.write(f'device = "{device}"\n')


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[WorkerConfig, int]]:
    """The pools that commands ask for: each ends its command."""
    found: list[tuple[WorkerConfig, int]] = []

    def pool(config: WorkerConfig, jobs: int) -> None:
        found.append((config, jobs))
        raise Stop

    for module in (pipeline, check_command):
        monkeypatch.setattr(module, "Pool", pool)
    return found


@pytest.fixture
def run_cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run(*words: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
        capsys.readouterr()
        code: Any = "stopped"
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        except Stop:
            pass
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out, printed.err

    return run


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize("by", ["option", "setting", "option over setting"])
def test_without_a_gpu_a_command_ends_before_anything_is_graded(
    run_cli: Callable[..., Outcome], course: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch,
    words: list[str], by: str,
) -> None:  # fmt: skip
    put_in(monkeypatch, MISSING)
    if "setting" in by:
        use(course, "auto" if "over" in by else "cuda")
    before = snapshot(course)
    code, out, err = run_cli(*words, *(["--device", "cuda"] if "option" in by else []))
    assert (code, out, asked) == (2, "", [])
    (line,) = err.splitlines()
    assert line.startswith("autograder: no GPU can be used, since there is no NVIDIA driver here: install it")
    assert line.endswith('or grade with --device cpu (as a setting: device = "cpu").')
    assert snapshot(course) == before


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("setting", "option", "found", "device", "jobs"),
    [
        ("cpu", None, GOOD, "cpu", 4),
        ("cpu", "cuda", GOOD, "cuda", 2),
        ("cpu", "auto", GOOD, "cuda", 2),
        ("cpu", "auto", MISSING, "cpu", 4),
        ("cuda", None, GOOD, "cuda", 2),
        ("auto", None, GOOD, "cuda", 2),
        ("auto", None, MISSING, "cpu", 4),
        ("cuda", "cpu", MISSING, "cpu", 4),
    ],
)
def test_workers_are_told_the_device_and_follow_the_cards_memory(
    run_cli: Callable[..., Outcome], course: Path, asked: list[tuple[WorkerConfig, int]],
    monkeypatch: pytest.MonkeyPatch, words: list[str], setting: str, option: str | None, found: Found,
    device: str, jobs: int,
) -> None:  # fmt: skip
    put_in(monkeypatch, found)
    use(course, setting)
    code, _, err = run_cli(*words, *(["--device", option] if option else []))
    ((config, workers),) = asked
    assert (code, config.device, workers) == ("stopped", device, jobs)
    assert config.card_bytes == (8 * GIB if device == "cuda" else 0)
    said = [line for line in err.splitlines() if line.startswith(("device: ", "workers: "))]
    if device == "cuda":
        assert said[0].startswith("device: cuda (Stub 8, 7 GiB of 8 GiB free, ")
        assert said[1:] == [
            "workers: 2 instead of 4, since 7 GiB of the card's memory are free, and each submission may use"
            " 2 GiB (the setting device_bytes) and its worker 0.5 GiB"
        ]
    else:
        auto = "auto" in (option or setting)
        assert said == ["device: cpu, since there is no NVIDIA driver here"] * auto


@pytest.mark.parametrize(
    ("option", "found", "device"), [("cuda", GOOD, "cuda"), ("auto", GOOD, "cuda"), ("auto", MISSING, "cpu")]
)
def test_the_results_file_names_the_device_that_was_used(
    run_cli: Callable[..., Outcome], course: Path, monkeypatch: pytest.MonkeyPatch, option: str, found: Found,
    device: str,
) -> None:  # fmt: skip
    put_in(monkeypatch, found)
    run_cli("run", "missing.ipynb", *OTHER, "--json", "results.json", "--device", option)
    assert json.loads(Path("results.json").read_text())["device"] == device


def test_mistakes_are_told_before_a_card_is_looked_for(
    run_cli: Callable[..., Outcome], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look takes seconds."""
    probe = put_in(monkeypatch, MISSING)
    for words in (
        ["run", NAME, "--notebook", "lynes", *OTHER],
        ["grade", ASSIGNMENT, "--student", "e"],
        ["check", "slpoe", *OTHER],
    ):
        code, _, err = run_cli(*words, "--device", "cuda")
        assert (code, len(err.splitlines())) == (1, 1), words
    assert probe.asked == []
