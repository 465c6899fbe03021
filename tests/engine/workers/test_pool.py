"""Workers that die, hang or never start: the rest of the class is graded all the same."""

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
from tests.engine.support.toy_course import ASSIGNMENT, SETTINGS, job, worker_config, write_toy

RIGHT = "def right():\n    return 1"


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
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
    with Pool(worker_config(root), 1) as pool:
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
    assert wait_until(lambda: not set(descendants()) - before, 10), "processes are left"


def test_a_worker_that_dies_twice_is_an_internal_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(WorkerProcess):
        def __init__(self, config: WorkerConfig) -> None:
            super().__init__(config)
            self.kill()
            self.sentence = "ready"

    monkeypatch.setattr(pools, "WorkerProcess", Dying)
    with Pool(worker_config(write_toy(tmp_path)), 2) as pool:
        found = list(pool.run([(number, job(["right"], RIGHT)) for number in range(3)]))
    assert {number for number, _ in found} == {0, 1, 2}
    assert [done.internal_errors for _, done in found] == [[DIED]] * 3


def test_a_worker_that_cannot_start_says_why_in_one_sentence(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    (root / "tests" / ASSIGNMENT / "right/test_right.py").write_text("import no_such_module")
    start = time.monotonic()
    with pytest.raises(CourseError) as raised, Pool(worker_config(root), 1) as pool:
        list(pool.run([("one", job(["right"], RIGHT)), ("two", job(["right"], RIGHT))]))
    sentence = str(raised.value)
    assert "a hidden grader cannot be loaded" in sentence
    assert "No module named 'no_such_module'" in sentence
    assert "\n" not in sentence
    assert time.monotonic() - start < 60


def test_a_course_can_turn_off_namespaces(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    settings = root / "pyproject.toml"
    settings.write_text(f"[tool.autograder]\nnamespaces = false\n{settings.read_text()}")
    try:
        with Pool(worker_config(root), 1) as pool:
            sentence = pool.sentence
            (done,) = (found for _, found in pool.run([("one", job(["right"], RIGHT))]))
    except CourseError as error:  # without them, a student's uid needs access to the interpreter
        assert "is closed to other users" in str(error)
    else:
        enforced = sentence.split(";")[0].split(", because")[0]
        assert enforced.startswith("sandbox: ") and "namespace" not in enforced
        assert [result.status for result in done.exercises] == ["passed"]


def test_a_check_without_a_docstring_is_refused_by_name(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    file = root / "tests" / ASSIGNMENT / "right/test_right.py"
    file.write_text("def test_silent(student):\n    assert student.right() == 1\n")
    with pytest.raises(CourseError) as raised, Pool(worker_config(root), 1) as pool:
        list(pool.run([("one", job(["right"], RIGHT))]))
    assert "test_right.py::test_silent has no docstring" in str(raised.value)


def test_a_worker_process_that_ends_at_once_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The error shows the last line that Python wrote to stderr, not the traceback."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "torch.py").write_text("raise ImportError('torch is broken')")
    root = write_toy(tmp_path / "toy")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(CourseError) as raised, Pool(worker_config(root), 1) as pool:
        list(pool.run([("one", job(["right"], RIGHT))]))
    sentence = "a worker did not start (ImportError: torch is broken)."
    assert str(raised.value) == sentence
    assert capfd.readouterr().err == ""


def test_invalid_settings_are_refused(tmp_path: Path) -> None:
    root = write_toy(tmp_path)
    (root / "pyproject.toml").write_text("[tool.autograder.time]\ncell = 'long'")
    with pytest.raises(CourseError, match=r"\[tool\.autograder\] is invalid"):
        Pool(worker_config(root), 1)


@pytest.mark.parametrize("jobs", [1, 2, 3, 64])
def test_no_two_workers_share_a_uid(tmp_path: Path, jobs: int) -> None:
    """Submissions under one uid that run at the same time would share its limits."""
    configs = pools.worker_configs(worker_config(tmp_path), jobs)
    given = [slot for config in configs for slot in range(config.slots[0], SLOTS, config.slots[1])]
    assert sorted(given) == list(range(SLOTS))


def test_a_student_gets_a_uid_from_its_workers_slots(tmp_path: Path) -> None:
    config = msgspec.structs.replace(worker_config(write_toy(tmp_path)), slots=(7, SLOTS))
    worker = WorkerProcess(config)
    try:
        done = worker.grade(job(["right"], "import os; print(os.getuid(), os.geteuid())", RIGHT))
        if "own uid" not in worker.sentence:
            pytest.skip("students have no uid of their own here")
    finally:
        worker.close()
    assert done.cells[0].outputs[0].text == f"{FIRST_UID + 7} {FIRST_UID + 7}\n"
