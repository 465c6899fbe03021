"""What a student reads when a check fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from autograder.checks import close, describe, named
from autograder.core import wording
from autograder.core.records import CheckRun
from autograder.grading.outcome import check_outcome
from autograder.process.proxy import LocalProxy, Raised

NOTEBOOK = """
import torch
def unwritten(): raise NotImplementedError("unwritten is not written yet")
def emptied(): raise NotImplementedError
def fails(): return [][3]
def huge(): return torch.zeros(10**14)
def fills(words): raise torch.OutOfMemoryError(words)
def refused(words): raise RuntimeError(words)
def scales(x): return x.mul_(2)
def nothing(x): return x.new_full((5, 3), float("nan"))
def choose(role): return role
"""


class Student(LocalProxy):
    """The notebook above, in this process; what its code raises is the student's fault."""

    _raises = Raised

    def __init__(self) -> None:
        names: dict[str, Any] = {}
        exec(compile(NOTEBOOK, "<cell 14>", "exec"), names)  # noqa: S102  the test's own source
        super().__init__(names)


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Callable[..., CheckRun]:
    def run(check: Callable[[Student], Any], name: str = "check") -> CheckRun:
        student = Student()

        def wrapped() -> None:
            """The rule."""

        wrapped.pytestmark = getattr(check, "pytestmark", [])  # type: ignore[attr-defined]
        item = pytest.Function.from_parent(request.node.parent, name=name, callobj=wrapped)
        try:
            check(student)
        except Exception as error:  # noqa: BLE001  it is what the check ended with
            return check_outcome(item, error, student)
        raise AssertionError("the check passed")

    return run


def fails(answer: Any) -> None:
    assert answer is student_never_returns_this


student_never_returns_this = object()


def raises(call: Callable[[Student], Any]) -> Callable[[Student], None]:
    return lambda student: fails(call(student))


MESSAGES = {
    "unknown": (lambda s: s.unknown(1), "missing", "The notebook does not define unknown"),
    "value": (lambda s: s.value("CLAIMS"), "missing", "The notebook does not define CLAIMS"),
    "stub": (lambda s: s.unwritten(), "missing", "unwritten is not written yet (In [14], line 3)"),
    "emptied": (lambda s: s.emptied(), "missing", "NotImplementedError: it is not written yet (In [14], line 4)"),
    "error": (lambda s: s.fails(), "raised", "IndexError: list index out of range (In [14], line 5)"),
    "memory": (lambda s: s.huge(), "memory", "Your code ran out of memory: RuntimeError: "),
    "memory of the GPU": (
        lambda s: s.fills("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 8 GiB"),
        "memory",
        "\nYour code ran out of memory: OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU",
    ),
    "memory of the GPU, said by a library": (
        lambda s: s.refused("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`\nmore"),
        "memory",
        "Your code ran out of memory: RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling",
    ),
    "another error of the GPU": (
        lambda s: s.refused("CUDA error: device-side assert triggered"), "raised", "Your code raised RuntimeError: ",
    ),
    "nan": (
        lambda s: s.nothing(torch.zeros(2)),
        "wrong",
        "Checked: nothing(tensor([0.0, 0.0]))\nGot: tensor of shape (5, 3), all nan",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
def test_a_student_reads_what_happened_and_none_of_our_own_names(
    outcome: Callable[..., CheckRun], case: str
) -> None:
    call, fault, words = MESSAGES[case]
    run = outcome(raises(call))
    assert run.fault == fault
    assert words in run.result.message
    assert "MissingName" not in run.result.message


def catches(nb: Any) -> str:
    """unknown() in a probe"""
    try:
        return str(nb.unknown())
    except Exception as error:  # noqa: BLE001  which one it was is the answer
        return type(error).__name__


def test_a_probe_that_catches_exceptions_does_not_hide_a_missing_name(
    outcome: Callable[..., CheckRun],
) -> None:
    run = outcome(raises(lambda student: student.run(catches)))
    assert run.fault == "missing"
    assert "The notebook does not define unknown" in run.result.message


def test_what_a_check_caught_is_told_too(outcome: Callable[..., CheckRun]) -> None:
    def check(student: Student) -> None:
        try:
            student.fails()
        except Raised as error:
            raise AssertionError("raises on the CPU too") from error

    message = outcome(check).result.message
    assert "Your code raised IndexError: list index out of range (In [14]" in message


def test_a_change_that_the_check_asked_about_is_told(outcome: Callable[..., CheckRun]) -> None:
    def check(student: Student) -> None:
        student.scales(x=torch.ones(2))
        assert not student.changed

    assert outcome(check).result.message.endswith("Got: tensor([2.0, 2.0])\nIt also changed: argument x")
    assert "changed" not in outcome(raises(lambda s: s.scales(x=torch.ones(2)))).result.message


def scaled(nb: Any, xs: Any, factor: int) -> Any:
    """scales(xs)"""
    return nb.scales(xs)


def test_a_changed_argument_of_a_probe_has_a_name(outcome: Callable[..., CheckRun]) -> None:
    def check(student: Student) -> None:
        student.run(scaled, torch.ones(2), 3)
        assert not student.changed

    assert "changed: argument xs" in outcome(check).result.message


def chosen(nb: Any, name: str, role: str) -> Any:
    """{name}: choose({role}), (see {role})"""
    return nb.choose(role)


def test_a_text_within_a_call_keeps_its_quotes(outcome: Callable[..., CheckRun]) -> None:
    message = outcome(raises(lambda s: s.run(chosen, "hidden layer", "hidden"))).result.message
    assert "Checked: hidden layer: choose('hidden'), (see hidden)" in message


# -- describe --------------------------------------------------------------------------------------

REPORT = {"value": None, "error": None, "limit": False, "at": None}


def measured(nb: Any, answer: Any) -> Any:
    """a probe"""
    return answer


def got(outcome: Callable[..., CheckRun], answer: Any, words: Any = None) -> str:
    def check(student: Student) -> None:
        found = student.run(measured, answer)
        assert close(found, "something else")

    run = outcome(describe(words)(check) if words else check)
    return run.result.message.splitlines()[2].removeprefix("Got: ")


def test_a_check_can_say_its_answer_in_words(outcome: Callable[..., CheckRun]) -> None:
    assert got(outcome, {"calls": 3}, lambda found: f"{found['calls']} calls") == "3 calls"
    assert got(outcome, {"calls": 3}, lambda found: None) == "{'calls': 3}"
    assert got(outcome, {"calls": 3}) == "{'calls': 3}"


def test_an_answer_that_the_words_do_not_expect_is_shown_as_it_is(outcome: Callable[..., CheckRun]) -> None:
    assert got(outcome, "forged", lambda found: f"{found['calls']} calls") == "'forged'"
    assert got(outcome, 5, named(loss="loss")) == "5"
    assert got(outcome, {"x": 5}, named(loss="loss")) == "x 5"


def test_words_stay_on_one_line_and_short(outcome: Callable[..., CheckRun]) -> None:
    text = got(outcome, 1, lambda found: "a\nb " * 500)
    assert text.startswith("a b a b")
    assert len(text) <= 300


def test_named_entries(outcome: Callable[..., CheckRun]) -> None:
    words = named(value="", loss="loss", graph={True: "a graph was built"})
    assert got(outcome, {"loss": 0.5, "graph": True, "value": 1, "state": [1]}, words) == (
        "1; loss 0.5; a graph was built"
    )
    assert got(outcome, {"loss": None, "graph": False}, words) == "no loss"
    assert got(outcome, [{"loss": 0.5, "graph": False}, {"loss": 1.5}], words) == "loss 0.5 | loss 1.5"


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({"error": "mixed", "at": "aten.nll_loss_forward"}, "tensors on two devices met in nll_loss_forward"),
        ({"error": "mixed", "at": "aten.add.Tensor"}, "tensors on two devices met in add"),
        ({"error": "numpy"}, wording.ARRAY_FROM_DEVICE),
        ({"error": "other: IndexError"}, "an IndexError was raised"),
        ({"value": 3, "there": False}, "what came back is not on that device"),
        ({"value": {"out": 3, "there": False}}, "what came back is not on that device"),
        ({"value": 3, "there": True}, "3"),
        ({"value": {"out": 3, "there": True}}, "out 3"),
    ],
)
def test_the_fake_device_reports_in_words(
    outcome: Callable[..., CheckRun], report: dict[str, Any], words: str
) -> None:
    assert got(outcome, REPORT | report, named(out="out")) == words
