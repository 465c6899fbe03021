"""Every exercise's reference solution passes every check with all data on another device.

The device is the fake one. What passes here passes on a GPU at once, within the limits of the fake device; what
does not is asked again on the CPU, which costs time and never points. Checks that ask for the device move their
data there themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import autograder.fake_device  # noqa: F401  the device "fake" is known from here on
from autograder.course.course import Course
from autograder.course.samples import read_samples
from autograder.grading.context import GradingContext, asks_for_device
from autograder.grading.pytest_graders import CollectedGraders
from autograder.grading.reference import ReferenceProxy, load_reference
from autograder.process.proxy import LocalProxy
from autograder.protocol.answerer import Answerer
from autograder.protocol.messages import Fetch, Request, Response
from autograder.protocol.values import MappingValue, SequenceValue, TensorValue
from autograder.student.device_marks import on_fake_device, tensors_in
from tests.engine.grading.collecting import collected
from tests.engine.support.small_course import ROOT

pytestmark = pytest.mark.slow

ASSIGNMENT, SEED = "module6", 1
EXERCISES = sorted(path.parent.name for path in (ROOT / "tests" / ASSIGNMENT).glob("*/test_*.py"))

ASKED_ON_THE_CPU: dict[str, str] = {}
"""Checks that the reference passes on the CPU alone, by "exercise/check", and why."""

SAMPLES_ASKED_ON_THE_CPU = {
    "fit_early_stopping/saved_to_memory": "torch.save: a limit of the fake device",
    "count_params/linear_layers_on_meta": "the meta device, whose name the fake device has taken",
}
"""Correct samples of which some check is asked again on the CPU, by "exercise/sample", and why."""

TOO_SLOW = {"mnist"}
"""Exercises whose samples are left out: each of them trains for seconds."""

ANSWERED_FROM_THE_CPU = {
    "mlp/test_randomness": "draws from the CPU's own generator after it was seeded",
}
"""Checks whose probes return tensors on the CPU although they were sent tensors on the device."""

PLAIN = {
    "backprop": "numbers only",
    "claims": "a dict of the notebook",
    "count_parameters": "sizes; a count has no place",
    "count_params": "sizes only",
    "gradient_flow": "numbers only",
    "xor_weights": "called without arguments",
}
"""Exercises whose checks send no tensor, and what they send instead."""


class Asked(NamedTuple):
    """One check, asked with its data on the fake device."""

    passed: bool
    message: str
    sent: bool
    """Whether any of its requests carried a tensor."""
    elsewhere: list[str]
    """The requests that carried one and were answered with a tensor on the CPU."""


class Watched(Answerer):
    """Notes what it was sent, and where the tensors of its answers are."""

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__(names)
        self.sent = False
        self.elsewhere: list[str] = []

    def _response(self, request: Request, value: Any, changed: list[str]) -> Response:
        if not isinstance(request, Fetch) and any(
            map(holds_tensor, [*request.args, *request.kwargs.values()])
        ):
            self.sent = True
            if not all(map(on_fake_device, tensors_in(value))):
                self.elsewhere.append(getattr(request, "function", getattr(request, "name", "")))
        return super()._response(request, value, changed)


class WatchedProxy(LocalProxy):
    """A namespace in this process."""

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__(names)
        self.watched = self._answerer = Watched(names)


def holds_tensor(value: Any) -> bool:
    """Whether an encoded value is a tensor or has one in it."""
    if isinstance(value, SequenceValue):
        return any(map(holds_tensor, value.items))
    if isinstance(value, MappingValue):
        return any(holds_tensor(x) for pair in value.pairs for x in pair)
    return isinstance(value, TensorValue)


def ask(graders: CollectedGraders) -> dict[str, dict[str, Asked]]:
    """Each check of each exercise, with the reference as the student."""
    found: dict[str, dict[str, Asked]] = {}
    for exercise, items in graders.checks.items():
        names = solutions_of(exercise)
        for item in items:
            student, reference = WatchedProxy(dict(names)), WatchedProxy(dict(names))
            run = graders.run_check(item, GradingContext(student, reference, SEED, "fake"))
            found.setdefault(exercise, {})[item.name] = Asked(
                run.result.passed is True,
                f"{run.fault}: {run.result.message}",
                student.watched.sent,
                [] if asks_for_device(item) else student.watched.elsewhere,
            )
    return found


def ask_samples(graders: CollectedGraders) -> dict[str, list[str]]:
    """The checks that correct samples do not pass on the fake device, by "exercise/sample"."""
    found: dict[str, list[str]] = {}
    for exercise, items in graders.checks.items():
        if exercise in TOO_SLOW:
            continue
        reference = ReferenceProxy(solutions_of(exercise))
        for sample in read_samples(ROOT / "tests" / ASSIGNMENT / exercise):
            if sample.kind == "wheat":
                names = solutions_of(exercise)
                exec(sample.source, names)
                context = GradingContext(LocalProxy(names), reference, SEED, "fake")
                runs = [graders.run_check(item, context) for item in items if not asks_for_device(item)]
                failed = [run.result.name for run in runs if run.result.passed is not True]
                found |= {f"{exercise}/{sample.name}": failed} if failed else {}
    return found


def solutions_of(exercise: str) -> dict[str, Any]:
    course = Course(ROOT, ASSIGNMENT)
    return dict(load_reference(course.solution_file(course.exercises[exercise].notebook)))


@pytest.fixture(scope="module")
def asked() -> dict[str, dict[str, Asked]]:
    found: dict[str, dict[str, Asked]] = collected(ROOT / "tests" / ASSIGNMENT, ask)
    return found


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_reference_passes_with_all_data_on_another_device(
    asked: dict[str, dict[str, Asked]], exercise: str
) -> None:
    failed = {name: check.message for name, check in asked[exercise].items() if not check.passed}
    assert set(failed) == on_the_cpu(ASKED_ON_THE_CPU, exercise), failed


@pytest.mark.parametrize("exercise", EXERCISES)
def test_answers_come_from_where_the_data_is(asked: dict[str, dict[str, Asked]], exercise: str) -> None:
    """So the probes build models, batches and helper tensors there, and nothing passes for having stayed home."""
    found = {name: check.elsewhere for name, check in asked[exercise].items() if check.elsewhere}
    assert set(found) == on_the_cpu(ANSWERED_FROM_THE_CPU, exercise), found


def test_which_exercises_have_data_to_be_sent(asked: dict[str, dict[str, Asked]]) -> None:
    sent = {exercise for exercise, checks in asked.items() if any(check.sent for check in checks.values())}
    assert set(EXERCISES) - sent == set(PLAIN) and set(asked) == set(EXERCISES)


@pytest.mark.filterwarnings("ignore")  # the samples warn, as students do
def test_correct_samples_are_hardly_ever_asked_again() -> None:
    """Who solves an exercise in another way than the reference does not make grading on a GPU slower."""
    found: dict[str, list[str]] = collected(ROOT / "tests" / ASSIGNMENT, ask_samples)
    assert set(found) == set(SAMPLES_ASKED_ON_THE_CPU), found


def on_the_cpu(table: dict[str, str], exercise: str) -> set[str]:
    return {key.partition("/")[2] for key in table if key.partition("/")[0] == exercise}
