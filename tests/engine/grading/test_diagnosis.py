"""Diagnoses: the buggy sample with the same answers or, as a guess, one that fails the same checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch

from autograder.core.records import (
    CheckResult,
    CheckRun,
    CodeCell,
    Diagnosis,
    Exchange,
    Exercise,
    ExerciseResult,
    GradeJob,
)
from autograder.core.wording import LOOKS_LIKE
from autograder.course.course import Course
from autograder.grading.diagnosis import TOLERANCE, Diagnoser, same_exchanges, same_value
from autograder.grading.grade_submission import SubmissionGrader
from autograder.grading.reference import ReferenceProxy
from autograder.process.proxy import NO_ANSWER
from autograder.protocol.channel import ChannelClosed
from autograder.protocol.values import ObjectRef
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.sampled_course import NOTEBOOK, Parts, asks, worker_of, write_sampled

TWICE = "def {}(x):\n    return 2 * x"
IN_PLACE = (
    'def test_it(student):\n    """Nothing changes."""\n'
    "    assert student.tidy([3, 1]) == [1, 3]\n    assert not student.changed\n"
)
EXERCISES = {
    "twice": Parts(
        TWICE.format("twice"), asks("twice", three="3", one="1", zero="0"),
        chaffs={
            "squares": "return x**2",  # fails three and one
            "never_zero": "return 2 * x or 1",  # fails zero
            "two_more": "return x + 2",  # fails all three
            "gives_up": "raise ValueError(f'{x} is too much')",  # fails all three
        },
    ),
    "pair": Parts(
        TWICE.format("pair"), asks("pair", three="3", one="1"),
        chaffs={
            "seven": "return 7 if x == 3 else 2 * x",
            "eight": "return 8 if x == 3 else 2 * x",
        },
    ),
    "nearly": Parts(
        TWICE.format("nearly"), asks("nearly", three="3", one="1"),
        chaffs={
            "adds_a_bit": "return 2 * x + 1e-4 * (x == 3)",
            "adds_two_bits": "return 2 * x + 2e-4 * (x == 3)",
            "no_number": "return float('nan')",
            "part_of_a_list": "return [2 * x, float('nan')]",
        },
    ),
    "sturdy": Parts(
        TWICE.format("sturdy"), asks("sturdy", three="3", one="1"),
        chaffs={
            "exits": "import os\n    if x == 3:\n        os._exit(0)\n    return 2 * x + 1",
            "exits_always": "import os; os._exit(0)",
        },
    ),
    "tidy": Parts(
        "def tidy(x):\n    return sorted(x)", IN_PLACE,
        chaffs={"sorts_it": "x.sort()\n    return x"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sampled(tmp_path_factory.mktemp("sampled"), EXERCISES)


@pytest.fixture(scope="module")
def worker(root: Path) -> Iterator[WorkerProcess]:
    worker = worker_of(root)
    yield worker
    worker.close()


def grade(worker: WorkerProcess, name: str, body: str) -> ExerciseResult:
    source = f"import math\ndef {name}(x):\n    {body}\n"
    done = worker.grade(GradeJob([CodeCell(0, source)], [Exercise(name, NOTEBOOK, 2.0)]))
    assert done.internal_errors == []
    (result,) = done.exercises
    return result


@pytest.mark.parametrize(
    ("name", "body", "sample"),
    [
        ("twice", "return x * x * 1.0", "squares"),
        ("twice", "return 2 + x", "two_more"),
        ("twice", "return x * 2 + (x == 0)", "never_zero"),
        ("twice", "raise ValueError('in other words')", "gives_up"),
        ("pair", "return [0, 2, 4, 8][x]", "eight"),
        ("nearly", "return 2 * x + 1e-4 * (x == 3)", "adds_a_bit"),
        ("nearly", "return 2 * x + 2e-4 * (x == 3)", "adds_two_bits"),
        ("nearly", "return 2 * x + 1.5e-4 * (x == 3)", "adds_a_bit"),
        ("nearly", "return math.inf - math.inf", "no_number"),
        ("nearly", "return (x + x, math.nan)", "part_of_a_list"),
        ("tidy", "x[:] = sorted(x)\n    return x", "sorts_it"),
        ("sturdy", "if x > 2: import os; os._exit(1)\n    return x + x + 1", "exits"),
    ],
)
def test_the_same_answers_as_a_buggy_sample_are_a_sure_diagnosis(
    worker: WorkerProcess, name: str, body: str, sample: str
) -> None:
    """Exception messages may differ. If several samples agree, an exact match wins, then the first."""
    found = grade(worker, name, body).diagnosis
    assert found == Diagnosis(sample, f"The mistake of {sample}.")
    assert found.sure


@pytest.mark.parametrize(
    ("body", "sample"),
    [
        ("return x**3", "squares"),
        ("return x**2 if x != 1 else 5", "squares"),
        ("return 2 * x or 2", "never_zero"),
        ("return 2 * x if x else x.missing", "never_zero"),
        ("return 2 * x or math.nan", "never_zero"),
    ],
)
def test_failing_the_same_checks_as_just_one_sample_is_only_a_guess(
    worker: WorkerProcess, body: str, sample: str
) -> None:
    result = grade(worker, "twice", body)
    assert result.status == "partial"
    assert result.diagnosis == Diagnosis(sample, f"{LOOKS_LIKE}The mistake of {sample}.")
    assert not result.diagnosis.sure


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("twice", "return 2 * x", "passed"),
        ("twice", "return 100 + x", "wrong"),  # fails every check, as many mistakes do
        ("twice", "return x + 2 if x else 100", "wrong"),  # one answer differs from two_more's
        ("twice", "raise KeyError('3 is too much')", "raised"),
        ("twice", "return 2 * x if x != 3 else 0", "partial"),  # no sample fails just this check
        ("pair", "return 9 if x == 3 else 2 * x", "partial"),  # two samples do
        ("nearly", "return math.inf", "wrong"),  # not NaN
        ("nearly", "return None", "wrong"),
        ("tidy", "return list(x)", "wrong"),  # changes nothing
        ("twice", "raise NotImplementedError", "missing"),
    ],
)
def test_other_mistakes_have_no_diagnosis(worker: WorkerProcess, name: str, body: str, status: str) -> None:
    result = grade(worker, name, body)
    assert (result.status, result.diagnosis) == (status, None)


def test_without_buggy_samples_there_is_no_diagnosis(tmp_path: Path) -> None:
    found, pairs = diagnosed(tmp_path, {}, {"a": 1, "b": 0}, {"b"})
    assert (found, pairs) == (None, [])


# -- without a process: which samples run which checks, and how often ----------------------------------


def run_of(name: str, answer: Any, passed: bool | None = True) -> CheckRun:
    return CheckRun(CheckResult(name, passed, 1.0, "Said."), None, None, (Exchange(answer),))


class RecordingGrader:
    """Stands in for SubmissionGrader: samples answer from a table; records which checks they run."""

    def __init__(self, answers: dict[str, dict[str, int]]) -> None:
        self.table = answers
        checks = next(iter(answers.values()), {})
        self.graders = SimpleNamespace(checks={"twice": [SimpleNamespace(name=name) for name in checks]})
        self.pairs: list[tuple[str, str]] = []

    def run_in_namespaces(
        self, cells: list[CodeCell], pairs: list[tuple[str, Any]], reference: object
    ) -> list[CheckRun]:
        new = [(name.removeprefix("sample_"), item.name) for name, item in pairs]
        self.pairs += new
        return [run_of(check, self.table[name][check], self.table[name][check] > 0) for name, check in new]


def diagnosed(
    root: Path,
    samples: dict[str, dict[str, int]],
    mine: dict[str, int],
    failed: set[str],
    times: int = 1,
    undecided: str = "",
) -> tuple[Diagnosis | None, list[tuple[str, str]]]:
    """The diagnosis of these answers, and which sample ran which check for it."""
    parts = Parts(TWICE.format("twice"), "", chaffs=dict.fromkeys(samples, "return 0"))
    course = Course(write_sampled(root, {"twice": parts}))
    grader = RecordingGrader(samples)
    diagnoser = Diagnoser(course, cast(SubmissionGrader, grader), lambda exercise: ReferenceProxy({}))
    runs = [
        run_of(name, answer, None if name == undecided else name not in failed)
        for name, answer in mine.items()
    ]
    for _ in range(times):
        found = diagnoser.diagnose(course.exercises["twice"], runs)
    return found, grader.pairs


class UnsteadyGrader(RecordingGrader):
    """Like RecordingGrader, but the first runs of some pairs end in another way."""

    def __init__(self, answers: dict[str, dict[str, int]], lost: dict[tuple[str, str], list[Any]]) -> None:
        super().__init__(answers)
        self.lost = lost

    def run_in_namespaces(
        self, cells: list[CodeCell], pairs: list[tuple[str, Any]], reference: object
    ) -> list[CheckRun]:
        runs = super().run_in_namespaces(cells, pairs, reference)
        for number, pair in enumerate(self.pairs[-len(pairs) :]):
            if self.lost.get(pair):
                fault = self.lost[pair].pop(0)
                if isinstance(fault, Exception):
                    raise fault
                exchange = Exchange(None, NO_ANSWER)
                result = CheckResult(pair[1], None if fault == "internal" else False, 1.0, "Said.")
                runs[number] = CheckRun(result, fault, None, (exchange,))
        return runs


def unsteadily(root: Path, *faults: Any) -> tuple[list[str | None], UnsteadyGrader]:
    """Two diagnoses of sample two's answers, where that sample's run of check b ends like this at first."""
    parts = Parts(TWICE.format("twice"), "", chaffs=dict.fromkeys(SAMPLES, "return 0"))
    course = Course(write_sampled(root, {"twice": parts}))
    grader = UnsteadyGrader(SAMPLES, {("two", "b"): list(faults)})
    diagnoser = Diagnoser(course, cast(SubmissionGrader, grader), lambda exercise: ReferenceProxy({}))
    runs = [run_of("a", 1), run_of("b", -2, passed=False), run_of("c", 3)]
    found = [diagnoser.diagnose(course.exercises["twice"], runs) for _ in range(2)]
    return [x and x.chaff for x in found], grader


@pytest.mark.parametrize(
    "fault", ["raised", "timeout", "memory", "internal", ChannelClosed("the other process is gone")]
)
def test_a_samples_process_that_dies_once_changes_no_diagnosis(tmp_path: Path, fault: Any) -> None:
    found, grader = unsteadily(tmp_path, fault)
    assert found == ["two", "two"]
    assert grader.pairs.count(("two", "b")) == 2


def test_a_sample_that_dies_twice_is_a_sample_that_dies(tmp_path: Path) -> None:
    found, grader = unsteadily(tmp_path, "raised", "raised")
    assert found == [None, None]
    assert grader.pairs.count(("two", "b")) == 2


def test_an_internal_error_with_a_sample_is_never_kept(tmp_path: Path) -> None:
    found, grader = unsteadily(tmp_path, "internal", "internal")
    assert found == [None, "two"]
    assert grader.pairs.count(("two", "b")) == 3


SAMPLES = {
    "one": {"a": 1, "b": -1, "c": 3},
    "two": {"a": 1, "b": -2, "c": 3},
    "three": {"a": 1, "b": -1, "c": -3},
}


def test_only_samples_that_agree_on_the_first_failed_check_run_the_others(tmp_path: Path) -> None:
    found, pairs = diagnosed(tmp_path, SAMPLES, {"a": 1, "b": -2, "c": 3}, {"b"})
    assert found == Diagnosis("two", "The mistake of two.")
    assert pairs == [("one", "b"), ("two", "b"), ("three", "b"), ("two", "a"), ("two", "c")]


def test_no_sample_runs_a_check_twice(tmp_path: Path) -> None:
    _, once = diagnosed(tmp_path / "once", SAMPLES, {"a": 1, "b": -9, "c": -9}, {"b", "c"})
    found, pairs = diagnosed(tmp_path / "thrice", SAMPLES, {"a": 1, "b": -9, "c": -9}, {"b", "c"}, times=3)
    assert found == Diagnosis("three", f"{LOOKS_LIKE}The mistake of three.")
    assert pairs == once
    assert len(set(pairs)) == len(pairs) == 9


def test_failing_every_check_that_could_be_run_looks_like_no_sample(tmp_path: Path) -> None:
    samples = {"one": {"a": 1, "b": -1}}
    likely, _ = diagnosed(tmp_path / "likely", samples, {"a": 1, "b": -9}, {"b"})
    assert likely == Diagnosis("one", f"{LOOKS_LIKE}The mistake of one.")
    assert diagnosed(tmp_path / "none", samples, {"a": 1, "b": -9}, {"b"}, undecided="a")[0] is None


def test_full_marks_need_no_sample_to_run(tmp_path: Path) -> None:
    assert diagnosed(tmp_path, SAMPLES, {"a": 1, "b": 2, "c": 3}, set()) == (None, [])


NAN = float("nan")


@pytest.mark.parametrize(
    ("mine", "known", "same"),
    [
        (NAN, NAN, True),
        (NAN, 0.0, False),
        (0.0, NAN, False),
        ([1.0, NAN], [1.0, NAN], True),
        ([NAN, 1.0], [1.0, NAN], False),
        (torch.tensor([1.0, NAN]), torch.tensor([1.0, NAN]), True),
        (torch.tensor([1.0, NAN]), torch.tensor([NAN, 1.0]), False),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), False),
        (torch.ones(2), torch.ones(1, 2), False),
        ({"a": NAN}, {"a": NAN}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1, 2], [1, 2, 3], False),
        ("a", "b", False),
        (None, None, True),
        (None, 0, False),
        (ObjectRef(3, "Net"), ObjectRef(4, "Other"), True),
        (3, ObjectRef(3, "Net"), False),
        (1.0 + TOLERANCE / 2, 1.0, True),
        (1.0 + 2 * TOLERANCE, 1.0, False),
    ],
)
def test_which_answers_are_the_same(mine: Any, known: Any, same: bool) -> None:
    assert same_value(mine, known, TOLERANCE) is same


def test_without_tolerance_nothing_is_rounded() -> None:
    assert not same_value(1.0 + 1e-15, 1.0, 0.0)
    assert same_value(torch.tensor([NAN, 1.0]), torch.tensor([NAN, 1.0]), 0.0)


EXCHANGES: dict[str, Callable[[], Exchange]] = {
    "answered": lambda: Exchange(1),
    "changed it": lambda: Exchange(1, None, ("argument 1",)),
    "raised": lambda: Exchange(None, "ValueError: this"),
    "raised with another message": lambda: Exchange(None, "ValueError: that"),
    "raised another class": lambda: Exchange(None, "KeyError: this"),
}


@pytest.mark.parametrize("mine", EXCHANGES)
@pytest.mark.parametrize("known", EXCHANGES)
def test_which_exchanges_are_the_same(mine: str, known: str) -> None:
    alike = {mine, known} == {"raised", "raised with another message"}
    assert same_exchanges((EXCHANGES[mine](),), (EXCHANGES[known](),), TOLERANCE) is (mine == known or alike)


def test_a_different_number_of_exchanges_is_not_the_same() -> None:
    assert not same_exchanges((Exchange(1), Exchange(2)), (Exchange(1),), TOLERANCE)
    assert not same_exchanges((), (Exchange(1),), TOLERANCE)
