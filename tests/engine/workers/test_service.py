"""What a worker says of a submission's use of the GPU."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from autograder.core.limits import MIB, Limits
from autograder.core.records import GradeJob, JobResult, SubmittedFile
from autograder.core.settings import Settings
from autograder.grading.grade_submission import GradedSubmission
from autograder.process.launcher import Launcher
from autograder.workers.service import WorkerService


class NoProcess(Launcher):
    """A launcher that starts nothing."""

    def __init__(self, device: str) -> None:
        self.device, self.files = device, ()
        self.start_submission((), 0)

    start = wait = spawn = interrupt = _kill_tree = _owns = close = None  # type: ignore[assignment]


def service(device: str, filled: bool, allowed: list[int]) -> WorkerService:
    """A service whose submissions fill the GPU, if `filled`, and leave a process behind."""
    found = WorkerService.__new__(WorkerService)
    launcher = found.launcher = NoProcess(device)

    def grade(*_: Any) -> GradedSubmission:
        allowed.append(launcher.device_bytes)
        assert [file.path for file in launcher.files] == ["data.csv"]
        launcher.device_memory, launcher.device_peak = filled, 700 * MIB
        launcher.warnings += 2 * ["A process is still there."]  # in both of its passes
        return GradedSubmission({})

    found.card_bytes, found.warning, found._diagnoser = 8192 * MIB, "Unsafe.", None
    found.course = SimpleNamespace(settings=Settings(memory=Limits(device_bytes=1024 * MIB)))  # type: ignore[assignment]
    found.grader = SimpleNamespace(grade=grade)  # type: ignore[assignment]
    return found


FILES: Sequence[SubmittedFile] = [SubmittedFile("data.csv", b"")]


@pytest.mark.parametrize(("device", "filled", "said"), [
    ("cuda", True, True), ("cuda", False, False), ("cpu", True, False),
])  # fmt: skip
def test_a_result_says_whether_the_gpu_was_full(device: str, filled: bool, said: bool) -> None:
    done: JobResult = service(device, filled, []).grade(GradeJob([], [], files=[*FILES]))
    assert (done.device_memory, done.device_peak) == (said, 700 * MIB)
    assert done.warning == "Unsafe. A process is still there."


def test_a_submission_alone_on_the_card_may_use_all_of_it() -> None:
    allowed: list[int] = []
    graded = service("cuda", True, allowed)
    for alone in (False, True, False):
        graded.grade(GradeJob([], [], files=[*FILES], alone=alone))
    assert allowed == [1024 * MIB, 8192 * MIB, 1024 * MIB]
