"""The student's end: every question has an answer, which says what was changed on the way."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from autograder.process.proxy import LocalProxy, Raised, ReferenceRaised
from autograder.protocol.answerer import Answerer
from autograder.protocol.encode import to_wire
from autograder.protocol.messages import Call, ErrorResponse, Fetch, Request, RunProbe, ValueResponse
from autograder.protocol.values import ObjectRef, RefValue


def proxy(**names: Any) -> LocalProxy:
    return LocalProxy(names)


def notebook(source: str, number: int = 4) -> LocalProxy:
    """A namespace made by a cell of this number."""
    names: dict[str, Any] = {}
    exec(compile(source, f"<cell {number}>", "exec"), names)  # noqa: S102  the test's own text
    return LocalProxy(names)


def raised_by(there: LocalProxy, name: str, *args: Any) -> Raised:
    with pytest.raises(Raised) as caught:
        getattr(there, name)(*args)
    return caught.value


def test_calls_and_values() -> None:
    there = proxy(add=lambda x, y=1: x + y, rate=0.1)
    assert there.add(2) == 3
    assert there.asked() == "add(2)"
    assert there.add(2, y=5) == 7
    assert there.asked() == "add(2, y=5)"
    assert torch.equal(there.add(torch.ones(2)), torch.full((2,), 2.0))
    assert there.value("rate") == 0.1
    assert [x.answer for x in there.exchanges][:2] == [3, 7]


CHANGES: dict[str, tuple[Callable[..., Any], Any]] = {
    "argument 1": (lambda x: x.add_(1), torch.zeros(2)),
    "argument 1 ": (lambda x: x.requires_grad_(), torch.zeros(2)),
    "argument 1  ": (lambda x: x.resize_(1), torch.zeros(2)),
    "argument 1   ": (lambda x: x.append(1), [1, 2]),
    "argument 1    ": (lambda x: x[0].sort(), [[2, 1]]),
    "argument 1     ": (lambda x: x.update(a=2), {"a": 1}),
    "argument 1      ": (lambda x: x.fill(1), np.zeros(2)),
    "argument 1       ": (lambda x: x.append("\ud800"), [1]),
    "torch random state": (lambda x: torch.manual_seed(0), 0),
    "torch random state ": (lambda x: torch.rand(1), 0),
    "numpy random state": (lambda x: np.random.seed(0), 0),
    "numpy random state ": (lambda x: np.random.normal(), 0),
    "python random state": (lambda x: random.random(), 0),
    "grad mode": (lambda x: torch.set_grad_enabled(False), 0),
    "default dtype": (lambda x: torch.set_default_dtype(torch.float64), 0),
}


@pytest.mark.parametrize(
    ("name", "how"), CHANGES.items(), ids=lambda x: x.strip() if isinstance(x, str) else ""
)
def test_a_change_is_named(name: str, how: tuple[Callable[..., Any], Any]) -> None:
    function, argument = how
    there = proxy(f=lambda x: [function(x), None][1], g=lambda x: x)
    try:
        there.f(argument)
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
    assert list(there.changed) == [name.strip()]
    assert there.exchanges[-1].changed == (name.strip(),)
    there.g(argument)
    assert there.changed == ()


@pytest.mark.parametrize("name", ["grad mode", "default dtype"])
def test_a_setting_that_stays_changed_is_named_at_every_question(name: str) -> None:
    there = proxy(f=CHANGES[name][0], g=lambda x: x)
    try:
        there.f(0)
        there.g(0)
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
    assert there.changed == (name,)


def test_keyword_arguments_are_named_by_their_keyword() -> None:
    there = proxy(f=lambda a, b: b.clear())
    there.f([1], b=[2])
    assert there.changed == ("argument b",)


def test_work_that_leaves_all_as_it_was_is_no_change() -> None:
    def careful(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return x.clone().add_(torch.rand(2))

    there = proxy(f=careful)
    there.f(torch.zeros(2, requires_grad=True))
    assert there.changed == ()


def test_seeding_with_a_common_seed_is_seen_at_every_question() -> None:
    for seed in (0, 1, 42):
        there = proxy(f=lambda seed: torch.manual_seed(seed) and None)
        for _ in range(3):
            there.f(seed)
            assert there.changed == ("torch random state",)


def test_the_reference_leaves_the_graders_own_random_state_alone() -> None:
    state = torch.get_rng_state()
    proxy(f=lambda: torch.rand(3)).f()
    assert torch.equal(torch.get_rng_state(), state)


def test_an_exception_is_an_answer_with_its_kinds_words_and_place() -> None:
    there = notebook("class Own(KeyError): pass\n\ndef f(x):\n    y = x\n    raise Own('no')  # here\n")
    raised = raised_by(there, "f", 1)
    assert raised.kinds == ("Own", "KeyError", "LookupError", "Exception", "BaseException")
    assert raised.text == "'no'"
    assert raised.where.startswith("cell 4, line 5")
    assert not raised.missing_name
    assert isinstance(raised, ReferenceRaised)


def test_the_place_is_the_last_line_of_the_students_own() -> None:
    there = notebook("def f():\n    g()\n\ndef g():\n    import json\n    json.loads('{')\n")
    assert raised_by(there, "f").where.startswith("cell 4, line 6")
    assert raised_by(proxy(f=lambda: 1 / 0), "f").where == ""


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise SystemExit


ENDS = [
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    ValueError("\ud800"),
    Unspeakable(),
    RecursionError(),
]


@pytest.mark.parametrize("error", ENDS, ids=lambda x: type(x).__name__)
def test_nothing_that_is_raised_gets_out(error: BaseException) -> None:
    def f() -> None:
        raise error

    assert raised_by(proxy(f=f), "f").kinds[0] == type(error).__name__


def test_long_words_are_cut() -> None:
    def f() -> None:
        raise ValueError("x" * 10**6)

    assert len(raised_by(proxy(f=f), "f").text) <= 2000


def test_a_missing_name_is_told_from_an_error() -> None:
    there = proxy(g=lambda: undefined)  # type: ignore[name-defined]  # noqa: F821  what the test is about
    assert raised_by(there, "f").missing_name
    assert not raised_by(there, "g").missing_name
    with pytest.raises(Raised):
        there.value("f")


def test_what_is_kept_can_be_asked_again_and_used() -> None:
    class Net:
        def __init__(self) -> None:
            self.steps = 0

    def step(net: Net) -> int:
        net.steps += 1
        return net.steps

    there = proxy(Net=Net, step=step, same=lambda a, b: a is b)
    first, second = there.Net(), there.Net()
    assert isinstance(first, ObjectRef)
    assert first.type_name == "Net"
    assert [there.step(first), there.step(first), there.step(second)] == [1, 2, 1]
    assert there.changed == ()
    assert there.same([first], {"a": 1}) is False
    assert there.same(first, first) is True


def test_a_handle_that_was_never_given() -> None:
    assert raised_by(proxy(f=lambda x: x), "f", ObjectRef(7, "Net")).kinds[0] == "ProtocolError"


def test_answers_that_cannot_cross() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert raised_by(proxy(f=lambda: endless), "f").kinds[0] == "ProtocolError"
    assert isinstance(proxy(f=lambda: "\ud800").f(), ObjectRef)
    assert isinstance(proxy(f=lambda: 10**20000).f(), ObjectRef)


def probe_count(names: Any, n: int) -> Any:
    """Call count {n} times."""
    return [names.count() for _ in range(n)][-1]


def probe_missing(names: Any) -> Any:
    """Look for a name."""
    return names.nowhere


def test_probes_see_the_names_and_are_told_by_their_docstring() -> None:
    there = proxy(count=itertools.count(1).__next__)
    assert there.run(probe_count, 3) == 3
    assert there.asked() == "Call count 3 times."
    assert there.run(probe_count, n=2) == 5
    assert there.asked() == "Call count 2 times."
    with pytest.raises(Raised) as caught:
        there.run(probe_missing)
    assert caught.value.missing_name


def test_a_probe_file_is_run_once_and_keeps_its_state() -> None:
    answerer = Answerer({"x": 5})
    source = "seen = []\ndef probe(names, y):\n    seen.append(y + names.x)\n    return seen\n"
    for number, want in ((1, [6]), (2, [6, 6])):
        reply = answerer.answer(RunProbe(number, source, "probe", [1], {}))
        assert isinstance(reply, ValueResponse)
        assert (reply.id, reply.value) == (number, to_wire(want))


def test_probes_stay_out_of_the_place() -> None:
    answerer = Answerer({})
    reply = answerer.answer(RunProbe(1, "def probe(names):\n    1 / 0\n", "probe", [], {}))
    assert isinstance(reply, ErrorResponse)
    assert reply.where == ""


def test_replies_carry_the_number_of_their_question() -> None:
    answerer = Answerer({"f": len, "x": 1})
    questions: list[Request] = [
        Fetch(8, "x"),
        Call(9, "f", ["ab"], {}),
        Call(10, "f", [], {}),
        Fetch(11, "f"),
    ]
    replies = [answerer.answer(question) for question in questions]
    assert [reply.id for reply in replies] == [8, 9, 10, 11]
    kept = replies[-1]
    assert isinstance(kept, ValueResponse)
    assert isinstance(kept.value, RefValue)
