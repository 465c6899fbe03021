"""How long a worker may be busy with one submission."""

from __future__ import annotations

from autograder.core.settings import TimeLimits
from autograder.workers.worker_process import job_seconds


def test_on_a_gpu_a_submission_may_be_graded_twice() -> None:
    limits = TimeLimits(submission=100.0)
    assert [job_seconds(limits, device) for device in ("cpu", "cuda")] == [200.0, 400.0]
