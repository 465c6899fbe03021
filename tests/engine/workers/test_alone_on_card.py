"""What runs out of a card's memory is graded once more, alone on the card.

Workers that report what a test wants stand in for processes with a GPU.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from autograder.core.errors import CourseError
from autograder.core.records import CellRun, GradeJob, JobResult, WorkerConfig
from autograder.workers import pool as pools
from autograder.workers import shared_worker
from autograder.workers.pool import Pool
from tests.engine.support.stub_cards import GIB, GOOD, MISSING, put_in
from tests.engine.support.toy_course import ASSIGNMENT, job, worker_config, write_toy

SMALL, BIG, HUGE = "small", "big", "huge"
"""Jobs: one fits into its share of the card, one only into the whole card, one not even into that."""


class CardWorker:
    """Stands in for WorkerProcess: the job's only cell says how much memory it takes."""

    events: list[tuple[str, str, int]] = []
    """What happened: a job's cell or "closed", in which state the job was, on which worker."""
    running = 0
    together: list[int] = []
    """How many jobs ran at the moment when one that is alone began."""
    lock = threading.Lock()
    count = 0

    def __init__(self, config: WorkerConfig) -> None:
        with self.lock:
            CardWorker.count += 1
            self.number = CardWorker.count

    def grade(self, work: GradeJob) -> JobResult:
        need = work.cells[0].source
        with self.lock:
            CardWorker.running += 1
            self.events.append((need, "alone" if work.alone else "shared", self.number))
            if work.alone:
                self.together.append(CardWorker.running)
        time.sleep(0.02)
        with self.lock:
            CardWorker.running -= 1
        full = need == HUGE or (need == BIG and not work.alone)
        note = f"{need} {'alone' if work.alone else 'shared'}"
        return JobResult([CellRun(0, None, [], note)], device_memory=full)

    def kill(self) -> None:
        self.close()

    def close(self) -> None:
        with self.lock:
            self.events.append(("closed", "", self.number))


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pools, shared_worker):
        monkeypatch.setattr(module, "WorkerProcess", CardWorker)
    for name, value in (("events", []), ("together", []), ("count", 0), ("running", 0)):
        monkeypatch.setattr(CardWorker, name, value)


def graded(root: Path, needs: Sequence[str], jobs: int, device: str = "cuda") -> list[tuple[int, str]]:
    """The number of each job and how it was graded in the end, in the order of the results."""
    config = msgspec.structs.replace(worker_config(root), device=device, card_bytes=8 * GIB)
    with Pool(config, jobs) as pool:
        found = pool.run([(number, job([], need)) for number, need in enumerate(needs)])
        return [(number, result.cells[0].note or "") for number, result in found]


def tries() -> list[tuple[str, str]]:
    return [(what, how) for what, how, _ in CardWorker.events if what != "closed"]


def test_a_job_that_ran_out_of_the_cards_memory_is_graded_again_when_the_others_are_done(
    tmp_path: Path,
) -> None:
    found = graded(write_toy(tmp_path), [BIG, SMALL, BIG, SMALL, SMALL, SMALL], 3)
    assert sorted(found[:4]) == [
        (1, "small shared"),
        (3, "small shared"),
        (4, "small shared"),
        (5, "small shared"),
    ]
    assert sorted(found[4:]) == [(0, "big alone"), (2, "big alone")], (
        "the second result counts, the first does not"
    )
    assert sorted(tries()[:6]) == sorted([(BIG, "shared"), (SMALL, "shared")] * 2 + [(SMALL, "shared")] * 2)
    assert tries()[6:] == [(BIG, "alone")] * 2
    assert CardWorker.together == [1, 1], "one at a time"


def test_the_other_workers_leave_the_card_first(tmp_path: Path) -> None:
    graded(write_toy(tmp_path), [BIG, BIG, SMALL, SMALL, SMALL], 3)
    events = CardWorker.events
    began = next(number for number, event in enumerate(events) if event[1] == "alone")
    alone = {number for _, how, number in events if how == "alone"}
    assert len(alone) == 1, "all on one worker: each has to start, and holds memory of the card"
    ended = {number for what, _, number in events[:began] if what == "closed"}
    assert ended == {1, 2, 3} - alone
    assert CardWorker.count == 3, "no further worker was started"


def test_a_job_too_big_for_the_whole_card_is_not_tried_a_third_time(tmp_path: Path) -> None:
    assert graded(write_toy(tmp_path), [HUGE, SMALL], 2) == [(1, "small shared"), (0, "huge alone")]
    assert len(tries()) == 3


def test_a_single_worker_has_the_whole_card_from_the_start(tmp_path: Path) -> None:
    found = graded(write_toy(tmp_path), [HUGE, BIG, SMALL], 1)
    assert found == [(0, "huge alone"), (1, "big alone"), (2, "small alone")]
    assert len(tries()) == 3


def test_on_the_cpu_nothing_is_graded_again(tmp_path: Path) -> None:
    found = graded(write_toy(tmp_path), [HUGE, BIG, SMALL], 2, device="cpu")
    assert sorted(found) == [(0, "huge shared"), (1, "big shared"), (2, "small shared")]
    assert CardWorker.together == []


def test_a_job_that_is_made_late_is_made_again(tmp_path: Path) -> None:
    made = []

    def make() -> GradeJob:
        made.append(1)
        return job([], BIG)

    config = msgspec.structs.replace(worker_config(write_toy(tmp_path)), device="cuda")
    with Pool(config, 2) as pool:
        (found,) = [result for _, result in pool.run([("late", make)])]
    assert (len(made), found.cells[0].note) == (2, "big alone")


def test_an_error_of_the_second_try_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def grade(self: CardWorker, work: GradeJob) -> JobResult:
        if work.alone:
            raise OSError("gone")
        return JobResult(device_memory=True)

    monkeypatch.setattr(CardWorker, "grade", grade)
    with pytest.raises(CourseError, match=r"a worker could not be used \(OSError: gone\)"):
        graded(write_toy(tmp_path), [BIG], 2)


# -- nbgrader's own commands --------------------------------------------------------------------------


@pytest.fixture
def shared_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(shared_worker, "refuse_outdated_release", lambda course: None)  # the toy has none
    root = write_toy(tmp_path)
    yield root
    shared_worker.close_shared_workers()


def use(root: Path, device: str) -> None:
    settings = (root / "pyproject.toml").read_text()
    (root / "pyproject.toml").write_text(f'[tool.autograder]\ndevice = "{device}"\n{settings}')


@pytest.mark.parametrize(
    ("setting", "card", "device", "how"),
    [
        ("cuda", GOOD, "cuda", "alone"),
        ("auto", GOOD, "cuda", "alone"),
        ("auto", MISSING, "cpu", "shared"),
        ("cpu", GOOD, "cpu", "shared"),
    ],
)
def test_the_shared_worker_follows_the_setting(
    shared_root: Path, monkeypatch: pytest.MonkeyPatch, setting: str, card: object, device: str, how: str
) -> None:
    """It grades one submission at a time, so each has the whole card."""
    put_in(monkeypatch, card)
    use(shared_root, setting)
    configs: list[WorkerConfig] = []
    start = CardWorker.__init__
    monkeypatch.setattr(
        CardWorker, "__init__", lambda self, config: (configs.append(config), start(self, config))[1]
    )
    shared = shared_worker.shared_worker_for(shared_root, ASSIGNMENT)
    assert shared.fingerprints.device == device
    assert shared.grade(job([], HUGE)).cells[0].note == f"huge {how}"
    assert [(config.device, config.card_bytes) for config in configs] == [
        (device, 8 * GIB if device == "cuda" else 0)
    ]
    assert len(tries()) == 1


def test_the_shared_worker_refuses_a_card_that_is_not_there(
    shared_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(monkeypatch, MISSING)
    use(shared_root, "cuda")
    with pytest.raises(CourseError, match="no GPU can be used, since there is no NVIDIA driver here"):
        shared_worker.shared_worker_for(shared_root, ASSIGNMENT)
    assert CardWorker.count == 0
