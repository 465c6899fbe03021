"""The student's end: every request gets a response, which also says what the request changed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from autograder.grading.checks import is_tensor
from autograder.process.proxy import LocalProxy, Raised, ReferenceRaised
from autograder.protocol.answerer import Answerer
from autograder.protocol.encode import encode_value
from autograder.protocol.messages import Call, ErrorResponse, Fetch, Request, RunProbe, ValueResponse
from autograder.protocol.values import ObjectRef, RefValue


def proxy(**names: Any) -> LocalProxy:
    return LocalProxy(names)


def notebook_of(source: str, number: int = 4) -> LocalProxy:
    """The namespace that a cell with this number leaves."""
    names: dict[str, Any] = {}
    exec(compile(source, f"<cell {number}>", "exec"), names)  # noqa: S102  the test's own source
    return LocalProxy(names)


def raised_by(notebook: LocalProxy, name: str, *args: Any) -> Raised:
    with pytest.raises(Raised) as caught:
        getattr(notebook, name)(*args)
    return caught.value


def test_calls_and_values() -> None:
    notebook = proxy(add=lambda x, y=1: x + y, rate=0.1)
    assert notebook.add(2) == 3
    assert notebook.asked() == "add(2)"
    assert notebook.add(2, y=5) == 7
    assert notebook.asked() == "add(2, y=5)"
    assert torch.equal(notebook.add(torch.ones(2)), torch.full((2,), 2.0))
    assert notebook.value("rate") == 0.1
    assert [x.answer for x in notebook.exchanges][:2] == [3, 7]


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
    ("name", "change"), CHANGES.items(), ids=lambda x: x.strip() if isinstance(x, str) else ""
)
def test_a_change_is_reported(name: str, change: tuple[Callable[..., Any], Any]) -> None:
    function, argument = change
    notebook = proxy(f=lambda x: [function(x), None][1], g=lambda x: x)
    try:
        notebook.f(argument)
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
    assert list(notebook.changed) == [name.strip()]
    assert notebook.exchanges[-1].changed == (name.strip(),)
    notebook.g(argument)
    assert notebook.changed == ()


@pytest.mark.parametrize("name", ["grad mode", "default dtype"])
@pytest.mark.parametrize("ends_with", ["a value", "an error"])
def test_a_changed_setting_is_reported_once_and_put_back(name: str, ends_with: str) -> None:
    def change() -> None:
        CHANGES[name][0](0)
        if ends_with == "an error":
            raise ValueError

    notebook = proxy(f=change, now=lambda: (torch.is_grad_enabled(), torch.get_default_dtype()))
    try:
        with pytest.raises(Raised) if ends_with == "an error" else nullcontext():
            notebook.f()
        assert notebook.changed == ((name,) if ends_with == "a value" else ())
        assert notebook.now() == (True, torch.float32)
    finally:
        torch.set_grad_enabled(True)
        torch.set_default_dtype(torch.float32)
    assert notebook.changed == ()


def test_a_function_whose_library_was_overwritten_by_mistake_is_still_asked() -> None:
    """`np.random.seed = 0` is a common slip; it must not stop every later request."""
    own = {owner: owner.seed for owner in (np.random, random)}

    def slip() -> None:
        np.random.seed = random.seed = torch.manual_seed = 0  # type: ignore[assignment]

    notebook = proxy(f=slip, g=lambda: random.random())
    seed = torch.manual_seed
    try:
        notebook.f()
        assert notebook.g() == notebook.g()
    finally:
        torch.manual_seed = seed
        for owner, function in own.items():
            owner.seed = function


@pytest.fixture
def in_double() -> Iterator[None]:
    """What a notebook is asked in whose default dtype is float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("in_double")
class TestDoubleNotebook:
    def test_default_tensors_arrive_and_return_as_the_default_dtype(self) -> None:
        layer = torch.nn.Linear(2, 2)
        notebook = proxy(f=lambda x: {"seen": [str(x.dtype)], "out": (layer(x),)})
        answer = notebook.f(torch.ones(3, 2, dtype=torch.float32))
        assert answer["seen"] == ["torch.float64"]
        assert answer["out"][0].dtype == torch.float32
        assert notebook.changed == ()

    def test_requires_grad_arrives_too(self) -> None:
        notebook = proxy(f=lambda x: (x.requires_grad, x.is_leaf))
        assert notebook.f(torch.ones(2, dtype=torch.float32, requires_grad=True)) == (True, True)

    @pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64, torch.bool])
    def test_other_dtypes_stay(self, dtype: torch.dtype) -> None:
        notebook = proxy(f=lambda x: [x, str(x.dtype)])
        answer, seen = notebook.f(torch.ones(2, dtype=dtype))
        assert (str(answer.dtype), seen) == (str(dtype), str(dtype))

    def test_an_explicit_float32_stays(self) -> None:
        notebook = proxy(f=lambda x: x.float())
        assert notebook.f(torch.ones(2, dtype=torch.float64)).dtype == torch.float32

    def test_an_answer_to_numbers_keeps_its_digits_and_counts_as_the_default(self) -> None:
        answer = proxy(f=lambda x: [torch.tensor(x)]).f(0.1)[0]
        assert answer.item() == 0.1
        assert is_tensor(answer, (), torch.float32)
        assert is_tensor(answer, (), torch.float64)
        assert not is_tensor(answer, (), torch.float16)

    def test_an_answer_to_both_dtypes_keeps_its_digits(self) -> None:
        third = torch.tensor(1.0, dtype=torch.float64) / 3
        plain = torch.ones((), dtype=torch.float32)
        first, second = proxy(f=lambda *xs: [x / 3 for x in xs]).f(plain, third * 3)
        assert second.item() == third.item()
        assert is_tensor(first, (), torch.float32)

    def test_a_change_of_an_argument_is_still_seen(self) -> None:
        notebook = proxy(f=lambda x: x.add_(1))
        notebook.f(torch.ones(2, dtype=torch.float32))
        assert notebook.changed == ("argument 1",)


def test_keyword_arguments_are_named_by_their_keyword() -> None:
    notebook = proxy(f=lambda a, b: b.clear())
    notebook.f([1], b=[2])
    assert notebook.changed == ("argument b",)


def test_work_that_restores_the_state_is_not_a_change() -> None:
    def careful(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return x.clone().add_(torch.rand(2))

    notebook = proxy(f=careful)
    notebook.f(torch.zeros(2, requires_grad=True))
    assert notebook.changed == ()


def test_seeding_with_a_common_seed_is_reported_with_every_request() -> None:
    for seed in (0, 1, 42):
        notebook = proxy(f=lambda seed: torch.manual_seed(seed) and None)
        for _ in range(3):
            notebook.f(seed)
            assert notebook.changed == ("torch random state",)


def test_the_reference_leaves_the_graders_own_random_state_alone() -> None:
    state = torch.get_rng_state()
    proxy(f=lambda: torch.rand(3)).f()
    assert torch.equal(torch.get_rng_state(), state)


def test_an_exception_is_a_response_with_its_kinds_text_and_place() -> None:
    notebook = notebook_of("class Own(KeyError): pass\n\ndef f(x):\n    y = x\n    raise Own('no')  # here\n")
    raised = raised_by(notebook, "f", 1)
    assert raised.kinds == ("Own", "KeyError", "LookupError", "Exception", "BaseException")
    assert raised.text == "'no'"
    assert raised.where.startswith("In [4], line 5")
    assert not raised.missing_name
    assert isinstance(raised, ReferenceRaised)


def test_the_place_is_the_last_line_of_student_code() -> None:
    notebook = notebook_of("def f():\n    g()\n\ndef g():\n    import json\n    json.loads('{')\n")
    assert raised_by(notebook, "f").where.startswith("In [4], line 6")
    assert raised_by(proxy(f=lambda: 1 / 0), "f").where == ""


class Unprintable(Exception):
    def __str__(self) -> str:
        raise SystemExit


ERRORS = [
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    ValueError("\ud800"),
    Unprintable(),
    RecursionError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda x: type(x).__name__)
def test_no_exception_escapes(error: BaseException) -> None:
    def f() -> None:
        raise error

    assert raised_by(proxy(f=f), "f").kinds[0] == type(error).__name__


def test_long_texts_are_cut() -> None:
    def f() -> None:
        raise ValueError("x" * 10**6)

    assert len(raised_by(proxy(f=f), "f").text) <= 2000


def test_a_missing_name_is_not_an_ordinary_error() -> None:
    notebook = proxy(g=lambda: undefined)  # type: ignore[name-defined]  # noqa: F821  what the test is about
    assert raised_by(notebook, "f").missing_name
    assert not raised_by(notebook, "g").missing_name
    with pytest.raises(Raised):
        notebook.value("f")


def test_objects_in_the_table_can_be_used_later() -> None:
    class Net:
        def __init__(self) -> None:
            self.steps = 0

    def step(net: Net) -> int:
        net.steps += 1
        return net.steps

    notebook = proxy(Net=Net, step=step, same=lambda a, b: a is b)
    first, second = notebook.Net(), notebook.Net()
    assert isinstance(first, ObjectRef)
    assert first.type_name == "Net"
    assert [notebook.step(first), notebook.step(first), notebook.step(second)] == [1, 2, 1]
    assert notebook.changed == ()
    assert notebook.same([first], {"a": 1}) is False
    assert notebook.same(first, first) is True


def test_an_unknown_reference_is_an_error() -> None:
    assert raised_by(proxy(f=lambda x: x), "f", ObjectRef(7, "Net")).kinds[0] == "ProtocolError"


def test_values_that_cannot_be_sent() -> None:
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


def test_probes_see_the_names_and_are_described_by_their_docstring() -> None:
    notebook = proxy(count=itertools.count(1).__next__)
    assert notebook.run(probe_count, 3) == 3
    assert notebook.asked() == "Call count 3 times."
    assert notebook.run(probe_count, n=2) == 5
    assert notebook.asked() == "Call count 2 times."
    with pytest.raises(Raised) as caught:
        notebook.run(probe_missing)
    assert caught.value.missing_name


def test_a_probe_file_is_run_once_and_keeps_its_state() -> None:
    answerer = Answerer({"x": 5})
    source = "seen = []\ndef probe(names, y):\n    seen.append(y + names.x)\n    return seen\n"
    for number, expected in ((1, [6]), (2, [6, 6])):
        response = answerer.answer(RunProbe(number, source, "probe", [1], {}))
        assert isinstance(response, ValueResponse)
        assert (response.id, response.value) == (number, encode_value(expected))


def test_the_place_is_never_in_a_probe() -> None:
    answerer = Answerer({})
    response = answerer.answer(RunProbe(1, "def probe(names):\n    1 / 0\n", "probe", [], {}))
    assert isinstance(response, ErrorResponse)
    assert response.where == ""


def test_responses_carry_the_id_of_their_request() -> None:
    answerer = Answerer({"f": len, "x": 1})
    requests: list[Request] = [
        Fetch(8, "x"),
        Call(9, "f", ["ab"], {}),
        Call(10, "f", [], {}),
        Fetch(11, "f"),
    ]
    responses = [answerer.answer(request) for request in requests]
    assert [response.id for response in responses] == [8, 9, 10, 11]
    last = responses[-1]
    assert isinstance(last, ValueResponse)
    assert isinstance(last.value, RefValue)
