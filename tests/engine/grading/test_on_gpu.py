"""Grading on a GPU: what does not pass there is asked again on the CPU, and only that counts.

A stand-in takes the GPU's part: a request on "fake" has its tensors on the fake device, where code that mixes
devices is refused as on a card.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autograder.fake_device  # noqa: F401  knows the place "fake"
from autograder.core.limits import Limits
from autograder.core.records import CheckRun, CodeCell, Exercise
from autograder.core.settings import TimeLimits
from autograder.grading.grade_submission import GradedSubmission, SubmissionGrader
from autograder.grading.reference import ReferenceProxy
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.process.proxy import NotebookProxy
from tests.engine.grading.collecting import collected, write_graders

LIMITS = TimeLimits(cell=30.0, grace=1.0, notebook=60.0, question=3.0, exercise=9.0, submission=60.0)
PLAIN = '''
import torch

def test_first(student, reference):
    """{name} of ones."""
    assert close(student.{name}(torch.ones(3)), reference.{name}(torch.ones(3)))

def test_second(student, reference):
    """{name} of zeros."""
    assert close(student.{name}(torch.zeros(3)), reference.{name}(torch.zeros(3)))
'''
ABOUT_DEVICES = '''
from tests.toy.{name}.probes import on_device

def test_device(student, device):
    """{name} works on every device."""
    found = student.run(on_device, device)
    assert found["error"] is None and found["value"]

def test_plain(student):
    """{name} works."""
    assert student.{name}(torch.ones(1)) is not None
'''
PROBE = '''
import torch
from autograder.fake_device import attempt, on_other_device

def on_device(nb, device):
    """{name} on another device"""
    return attempt(lambda place: on_other_device(nb.{name}(torch.ones(2).to(place), device)), device)
'''
ABOUT_DEVICES_UNJUDGED = '''
def test_device(student, reference, device):
    """No verdict, or a mistake of the grader's, with a GPU."""
    assert student.there(torch.ones(1)) == 2
    if device != "cpu":
        {end}
'''
UNDECIDED = '''
def test_it(student):
    """Nothing to see."""
    no_verdict("nothing to see")
'''
NAMES = [
    "there",
    "mixes",
    "fills",
    "slow_there",
    "wrong",
    "lucky",
    "refused",
    "both",
    "stub",
    "counts",
    "undone",
]
GRADERS = {
    f"{name}/test_{name}.py": PLAIN.format(name=name) for name in NAMES if name not in ("refused", "both")
}
GRADERS["undecided/test_undecided.py"] = UNDECIDED
for each, end in (("gives_up", "no_verdict('it is the GPU')"), ("breaks", "{}['x']")):
    GRADERS[f"{each}/test_{each}.py"] = "import torch\n" + ABOUT_DEVICES_UNJUDGED.replace("{end}", end)
for each in ("refused", "both"):
    GRADERS[f"{each}/test_{each}.py"] = "import torch\n" + ABOUT_DEVICES.format(name=each)
REFERENCE = """
import torch
def plus(x): return x + 1
there = mixes = fills = slow_there = wrong = lucky = stub = counts = plus
def undone(x): return x + torch.ones(3)   # the reference itself mixes devices
"""
NOTEBOOK = """
import time
import torch
n = 0
def there(x): return x + 1
def mixes(x): return x + torch.ones(3)
def fills(x):
    if x.device.type == "meta": raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB")
    return x + 1
def slow_there(x):
    while x.device.type == "meta": time.sleep(0.05)
    return x + 1
def wrong(x): return [x, x.device.type]
def lucky(x): return x + 1 if x.device.type == "meta" or x.sum() else x
def refused(x, device="cpu"): return x if device == "cpu" else x.cpu()
def both(x, device="cpu"): return x * 2
def stub(x): raise NotImplementedError("stub is not written yet")
def counts(x):
    global n
    n += 1
    return x + torch.ones(3) * n if n < 3 and x.device.type == "meta" else x + (n in (1, 2))
def undone(x): return x + 1
"""
Graded = tuple[GradedSubmission, list[bool], list[tuple[str, str]]]


@pytest.fixture(scope="module")
def graders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_graders(tmp_path_factory.mktemp("on_gpu"), GRADERS)
    for name in ("refused", "both"):  # probes run beside student code, where a grader's imports are not
        (folder / name / "probes.py").write_text(PROBE.format(name=name))
    return folder


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with launcher_for(Limits(), "fake") as launcher:
        yield launcher


def grade(
    graders: Path, launcher: Launcher, *names: str, limits: TimeLimits = LIMITS, notebook: str = NOTEBOOK
) -> Graded:
    """Grade a notebook; also returns which runs saw the GPU, and each request's function and device."""
    reference: dict[str, Any] = {}
    exec(REFERENCE, reference)  # noqa: S102  the test's own source
    exercises = [Exercise(name, "part", 1.0) for name in names]
    references = {name: ReferenceProxy(reference) for name in names}
    seen: list[bool] = []
    asked: list[tuple[str, str]] = []
    spawn, exchange = launcher.spawn, NotebookProxy._exchange

    def spawn_and_tell(seed: int, seconds: float) -> Any:
        seen.append(not launcher.gpu_hidden)
        return spawn(seed, seconds)

    def exchange_and_tell(self: NotebookProxy, request: Any) -> Any:
        if not isinstance(self, ReferenceProxy):
            asked.append((getattr(request, "name", ""), request.device))
        return exchange(self, request)

    def use(found: Any) -> GradedSubmission:
        grader = SubmissionGrader(found, launcher, limits, 1, 2)
        return grader.grade([CodeCell(0, notebook)], exercises, references)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launcher, "spawn", spawn_and_tell)
        patch.setattr(NotebookProxy, "_exchange", exchange_and_tell)
        return collected(graders, use), seen, asked


def passed(runs: list[CheckRun]) -> list[bool | None]:
    return [run.result.passed for run in runs]


@pytest.fixture(scope="module")
def everything(graders: Path, launcher: Launcher) -> Graded:
    return grade(graders, launcher, *NAMES, "undecided")


def test_what_passes_there_is_asked_once(everything: Graded) -> None:
    graded, _, asked = everything
    assert passed(graded.checks["there"]) == [True, True]
    assert [device for name, device in asked if name == "there"] == ["fake", "fake"]
    assert set(graded.asked_again) == {*NAMES, "undecided"} - {"there", "both", "lucky", "refused"}


def test_what_is_right_only_there_passes(everything: Graded) -> None:
    """The one way in which a grade can be better on a GPU: nobody asks the CPU about what passed."""
    assert passed(everything[0].checks["lucky"]) == [True, True]


@pytest.mark.parametrize("name", ["mixes", "fills", "slow_there", "counts", "undone"])
def test_what_fails_only_there_costs_nothing(everything: Graded, name: str) -> None:
    """Mixed devices, a full memory, a hang, changed state, and a reference that raises there."""
    graded, _, asked = everything
    assert passed(graded.checks[name]) == [True, True]
    assert [run.fault for run in graded.checks[name]] == [None, None]
    assert [device for asked_name, device in asked if asked_name == name] == ["fake", "", ""]


def test_what_fails_on_the_cpu_counts_with_the_answers_given_there(everything: Graded) -> None:
    graded, _, _ = everything
    assert passed(graded.checks["wrong"]) == [False, False]
    assert graded.checks["wrong"][0].result.message.endswith("'cpu']")
    assert [x.answer[1] for run in graded.checks["wrong"] for x in run.exchanges] == ["cpu", "cpu"]
    assert [run.fault for run in graded.checks["stub"]] == ["missing", "missing"]


def test_a_check_without_a_verdict_has_none_on_the_cpu_either(everything: Graded) -> None:
    graded, _, _ = everything
    assert passed(graded.checks["undecided"]) == [None]


def test_the_second_run_sees_no_gpu(everything: Graded, graders: Path, launcher: Launcher) -> None:
    _, seen, _ = everything
    assert seen[0] and not seen[-1]
    assert sorted(seen, reverse=True) == seen  # all that is asked on the GPU comes first
    _, seen, _ = grade(graders, launcher, "there", "both")
    assert seen == [True]


def test_a_check_of_devices_is_judged_on_the_fake_device(everything: Graded) -> None:
    """The grade is the same without a GPU; what only the GPU refuses is reported."""
    graded, _, asked = everything
    assert passed(graded.checks["both"]) == [True, True]
    assert passed(graded.checks["refused"]) == [True, True]
    assert "refused, test_device" in graded.refused_on_gpu
    assert not any(x.startswith("both") for x in graded.refused_on_gpu)
    assert {device for name, device in asked if name == ""} == {""}  # probes of devices move their data


def test_without_a_verdict_from_the_gpu_the_fake_devices_counts(graders: Path, launcher: Launcher) -> None:
    graded, _, _ = grade(graders, launcher, "gives_up", "breaks")
    assert [passed(runs) for runs in graded.checks.values()] == [[True], [True]]
    assert [run.fault for runs in graded.checks.values() for run in runs] == [None, None]


def test_after_a_cell_that_breaks_the_gpu_all_is_asked_on_the_cpu_at_once(
    graders: Path, launcher: Launcher
) -> None:
    """The cells ran again without the GPU, so the GPU is neither asked nor said to refuse anything."""
    broken = f"{NOTEBOOK}\nraise RuntimeError('CUDA error: device-side assert triggered')"
    graded, seen, asked = grade(graders, launcher, "there", "mixes", "refused", notebook=broken)
    assert [passed(runs) for runs in graded.checks.values()] == [[True, True]] * 3
    assert seen == [True, False]
    assert {device for _, device in asked} == {""}
    assert (graded.asked_again, graded.refused_on_gpu) == ([], [])


@pytest.mark.parametrize(("does", "refused"), [
    ("raise ValueError", ["both, test_device"]), ("time.sleep(60)", []),
])  # fmt: skip
def test_what_only_takes_too_long_there_is_not_refused(
    graders: Path, launcher: Launcher, does: str, refused: list[str]
) -> None:
    both = f"def both(x, device='cpu'):\n    if device != 'cpu': {does}\n    return x * 2"
    graded, _, _ = grade(graders, launcher, "both", notebook=f"{NOTEBOOK}\n{both}")
    assert passed(graded.checks["both"]) == [True, True]
    assert graded.refused_on_gpu == refused


def test_the_second_asking_has_a_time_limit_of_its_own(graders: Path, launcher: Launcher) -> None:
    """All the time of the first is gone when the second begins, which gets as much, and no more."""
    short = TimeLimits(
        cell=30.0, grace=1.0, notebook=60.0, question=30.0, exercise=30.0, submission=4.0, lost_cells=4
    )
    graded, _, _ = grade(graders, launcher, "slow_there", "there", limits=short)
    assert passed(graded.checks["slow_there"]) == [True, True]
    assert passed(graded.checks["there"]) == [True, True]
    assert graded.asked_again == ["slow_there", "there"]


def test_on_the_cpu_everything_is_asked_once(graders: Path) -> None:
    with launcher_for(Limits(), "cpu") as launcher:
        graded, seen, asked = grade(graders, launcher, "there", "mixes", "refused", "lucky")
    assert graded.asked_again == []
    assert seen == [False]
    assert {device for _, device in asked} == {""}
    assert [passed(runs) for runs in graded.checks.values()] == [
        [True, True],
        [True, True],
        [True, True],
        [True, False],
    ]
