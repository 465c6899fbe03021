"""nbgrader's own commands grade where the setting `device` says; a stub stands for the GPU, or for none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.apps import AutogradeApp
from nbgrader.apps.api import NbGraderAPI
from nbgrader.validator import Validator

from autograder.core.errors import CourseError
from autograder.core.records import WorkerConfig
from autograder.course.course import Course
from autograder.nbgrader_glue.config import course_config
from autograder.workers import shared_worker
from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.small_class import PART, hand_in, solved, write_class
from tests.engine.support.small_course import snapshot
from tests.engine.support.stub_cards import GIB, GOOD, MISSING, put_in

SAID = "no GPU can be used, since there is no NVIDIA driver here"


class Refused(CourseError):
    """A worker was about to start."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[WorkerConfig]:
    """The workers that were asked for; none starts."""
    configs: list[WorkerConfig] = []

    def start(config: WorkerConfig) -> None:
        configs.append(config)
        raise Refused("no worker here.")

    monkeypatch.setattr(shared_worker, "WorkerProcess", start)
    return configs


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = write_class(tmp_path / "course")
    hand_in(root, "ada", solved(root))
    Course(root).seed()
    monkeypatch.chdir(root)
    yield root
    shared_worker.close_shared_workers()


def use(root: Path, device: str) -> None:
    settings = root / "pyproject.toml"
    text = settings.read_text() if settings.exists() else ""
    assert "[tool.autograder]\n" not in text
    settings.write_text(f'[tool.autograder]\ndevice = "{device}"\n{text}')


def test_autograde_grades_nothing_without_the_gpu_of_the_setting(
    root: Path, monkeypatch: pytest.MonkeyPatch, started: list[WorkerConfig]
) -> None:
    put_in(monkeypatch, MISSING)
    use(root, "cuda")
    before = snapshot(root)
    code, output = run_nbgrader(root, AutogradeApp, "module6")
    assert (code, started) == (1, [])
    assert SAID in output and "Traceback" not in output
    assert snapshot(root) == before


def test_formgrader_shows_why(
    root: Path, monkeypatch: pytest.MonkeyPatch, started: list[WorkerConfig]
) -> None:
    put_in(monkeypatch, MISSING)
    use(root, "cuda")
    config = course_config(root)
    with NbGraderAPI(config=config).gradebook:
        done = NbGraderAPI(config=config).autograde("module6", "ada")
    assert not done["success"]
    assert SAID in done["log"] + str(done.get("error", ""))
    assert started == []


def test_validate_refuses_too(
    root: Path, monkeypatch: pytest.MonkeyPatch, started: list[WorkerConfig]
) -> None:
    put_in(monkeypatch, MISSING)
    use(root, "cuda")
    with pytest.raises(CourseError, match=SAID):
        Validator(config=course_config(root)).validate(str(root / f"submitted/ada/module6/{PART}.ipynb"))
    assert started == []


@pytest.mark.parametrize(
    ("setting", "card", "device"), [("cuda", GOOD, "cuda"), ("auto", GOOD, "cuda"), ("auto", MISSING, "cpu")]
)
def test_autograde_and_validate_start_a_worker_on_that_device(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    started: list[WorkerConfig],
    setting: str,
    card: object,
    device: str,
) -> None:
    put_in(monkeypatch, card)
    use(root, setting)
    assert run_nbgrader(root, AutogradeApp, "module6")[0] == 1
    with pytest.raises(CourseError):
        Validator(config=course_config(root)).validate(str(root / f"submitted/ada/module6/{PART}.ipynb"))
    assert len(started) >= 2
    assert {(x.device, x.card_bytes) for x in started} == {(device, 8 * GIB if device == "cuda" else 0)}
