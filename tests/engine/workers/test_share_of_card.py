"""Inside a worker: how much of the card a submission may use, and what its result says of it.

Stand-ins for the launcher and the grader, so no test here needs a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from autograder.core.records import SubmittedFile, WorkerConfig
from autograder.course.course import Course
from autograder.grading.grade_submission import GradedSubmission
from autograder.workers import service as services
from autograder.workers.service import WorkerService
from tests.engine.support.stub_cards import GIB
from tests.engine.support.toy_course import ASSIGNMENT, job, write_toy

pytest.importorskip("autograder.process.card_watch")  # the launcher has no share of a card without it


class StubLauncher:
    """Notes what each submission may use, and says what came of it."""

    def __init__(self, device: str, full: bool, warnings: list[str]) -> None:
        self.device = device
        self.device_memory = full
        self.device_peak = 3 * GIB
        self.warnings = warnings
        self.files: Sequence[SubmittedFile] = ()
        self.capabilities = SimpleNamespace(reads_blocked=True)
        self.shares: list[int] = []

    def start_submission(self, files: Sequence[SubmittedFile], device_bytes: int) -> None:
        self.files = files
        self.shares.append(device_bytes)


Make = Callable[..., tuple[WorkerService, StubLauncher]]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setattr(services, "gc", SimpleNamespace(collect=lambda: None, freeze=lambda: None))
    course = Course(write_toy(tmp_path), ASSIGNMENT)

    def make(
        device: str = "cuda", full: bool = False, warnings: Sequence[str] = ()
    ) -> tuple[WorkerService, StubLauncher]:
        card_bytes = 8 * GIB if device == "cuda" else 0
        config = WorkerConfig(str(course.root), ASSIGNMENT, 1, device, diagnose=False, card_bytes=card_bytes)
        launcher = StubLauncher(device, full, list(warnings))
        made = WorkerService(course, config, None, launcher)  # type: ignore[arg-type]
        made.grader = SimpleNamespace(grade=lambda *_: GradedSubmission({}))  # type: ignore[assignment]
        return made, launcher

    return make


def test_alone_means_the_whole_card(make: Make) -> None:
    made, launcher = make()
    for alone in (False, True, False):
        assert made.grade(msgspec.structs.replace(job([]), alone=alone)).internal_errors == []
    assert launcher.shares == [2 * GIB, 8 * GIB, 2 * GIB]


@pytest.mark.parametrize(
    ("device", "full", "said"), [("cuda", True, True), ("cuda", False, False), ("cpu", True, False)]
)
def test_a_result_says_whether_the_card_was_full(make: Make, device: str, full: bool, said: bool) -> None:
    made, _ = make(device, full)
    result = made.grade(job([]))
    assert (result.internal_errors, result.device_memory) == ([], said)
