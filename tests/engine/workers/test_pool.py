"""Workers that die, hang or never start: the class goes on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from autograder.core.errors import CourseError
from autograder.core.records import WorkerConfig
from autograder.sandbox.capabilities import FIRST_UID, SLOTS
from autograder.sandbox.kill_tree import descendants
from autograder.workers import pool as pools
from autograder.workers.pool import Pool
from autograder.workers.restarting import DIED, HUNG
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.toy_course import ASSIGNMENT, SETTINGS, job, start, write_toy

RIGHT = "def right():\n    return 1"


def until(done: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def test_a_killed_or_hanging_worker_is_replaced_and_the_class_goes_on(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    settings = SETTINGS.replace("submission = 40.0", "submission = 4.0")
    (root / "pyproject.toml").write_text(settings)
    slow = "import time; time.sleep(2)"
    jobs = [
        ("killed", job(["right"], slow, RIGHT)),
        ("hanging", job(["right", "endless"], RIGHT)),
    ]
    before = set(descendants())
    with Pool(start(root), 1) as pool:
        assert pool.sentence.startswith("sandbox: ")
        first = pool._workers[0].start()._process
        threading.Timer(1.0, os.kill, (first.pid, signal.SIGKILL)).start()
        done = dict(pool.run(jobs))
        assert first.poll() == -signal.SIGKILL
    assert [name for name, _ in jobs] == list(done)
    assert done["killed"].internal_errors == []
    assert [result.status for result in done["killed"].exercises] == ["passed"]
    assert done["hanging"].exercises == []
    assert done["hanging"].internal_errors == [HUNG]
    assert until(lambda: not set(descendants()) - before, 10), "processes are left"


def test_a_worker_that_dies_twice_is_our_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dying(WorkerProcess):
        def __init__(self, start: WorkerConfig) -> None:
            super().__init__(start)
            self.kill()
            self.sentence = "it was there"

    monkeypatch.setattr(pools, "WorkerProcess", Dying)
    with Pool(start(write_toy(tmp_path)), 2) as pool:
        found = list(pool.run([(number, job(["right"], RIGHT)) for number in range(3)]))
    assert {number for number, _ in found} == {0, 1, 2}
    sentence = DIED
    assert [done.internal_errors for _, done in found] == [[sentence]] * 3


def test_a_worker_that_cannot_start_says_why_in_one_sentence(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    (root / "tests" / ASSIGNMENT / "right/test_right.py").write_text("import nothing_of_the_kind")
    begun = time.monotonic()
    with pytest.raises(CourseError) as told, Pool(start(root), 1) as pool:
        list(pool.run([("one", job(["right"], RIGHT)), ("two", job(["right"], RIGHT))]))
    sentence = str(told.value)
    assert "a hidden grader cannot be loaded" in sentence
    assert "No module named 'nothing_of_the_kind'" in sentence
    assert "\n" not in sentence
    assert time.monotonic() - begun < 60


def test_a_course_may_do_without_namespaces(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    settings = root / "pyproject.toml"
    settings.write_text(f"[tool.autograder]\nnamespaces = false\n{settings.read_text()}")
    try:
        with Pool(start(root), 1) as pool:
            said = pool.sentence
            (done,) = (found for _, found in pool.run([("one", job(["right"], RIGHT))]))
    except CourseError as error:  # without them, a student's own uid has to get to the interpreter by itself
        assert "is closed to other users" in str(error)
    else:
        assert said.startswith("sandbox: ") and "namespace" not in said.split(";")[0].split(", because")[0]
        assert [result.status for result in done.exercises] == ["passed"]


def test_a_check_without_a_docstring_is_refused_by_name(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    file = root / "tests" / ASSIGNMENT / "right/test_right.py"
    file.write_text("def test_silent(student):\n    assert student.right() == 1\n")
    with pytest.raises(CourseError) as told, Pool(start(root), 1) as pool:
        list(pool.run([("one", job(["right"], RIGHT))]))
    assert "test_right.py::test_silent has no docstring" in str(told.value)


def test_a_worker_process_that_ends_at_once_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever Python wrote on stderr, people see its last line and no traceback."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise ImportError('torch is not what it was')")
    root = write_toy(tmp_path / "toy")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(CourseError) as told, Pool(start(root), 1) as pool:
        list(pool.run([("one", job(["right"], RIGHT))]))
    sentence = "a worker did not start (ImportError: torch is not what it was)."
    assert str(told.value) == sentence
    assert capfd.readouterr().err == ""


def test_settings_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    (root / "pyproject.toml").write_text("[tool.autograder.time]\ncell = 'long'")
    with pytest.raises(CourseError, match="cannot be used"):
        Pool(start(root), 1)


@pytest.mark.parametrize("jobs", [1, 2, 3, 64])
def test_no_two_workers_share_a_uid(tmp_path: Path, jobs: int) -> None:
    """Under one uid, what one submission uses up would count against another that runs at the same time."""
    configs = pools.worker_configs(start(tmp_path), jobs)
    given = [slot for config in configs for slot in range(config.slots[0], SLOTS, config.slots[1])]
    assert sorted(given) == list(range(SLOTS))


def test_a_students_uid_is_of_its_workers_slots(tmp_path: Path) -> None:
    here = msgspec.structs.replace(start(write_toy(tmp_path)), slots=(7, SLOTS))
    worker = WorkerProcess(here)
    try:
        done = worker.grade(job(["right"], "import os; print(os.getuid(), os.geteuid())", RIGHT))
        if "own uid" not in worker.sentence:
            pytest.skip("students have no uid of their own here")
    finally:
        worker.close()
    assert done.cells[0].outputs[0].text == f"{FIRST_UID + 7} {FIRST_UID + 7}\n"
