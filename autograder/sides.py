"""The two sides a hidden grader talks to, by one interface: the student's notebook and the reference."""

from __future__ import annotations

import inspect
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec
import numpy as np
import torch

from autograder.inside.answers import Answerer
from autograder.inside.messages import Answered, Call, Fetch, Question, RaisedThere, Reply, RunProbe
from autograder.records import Exchange, Fault
from autograder.values import Handle, Value, from_wire, to_wire

MAX_SHOWN_BITS = 500


class Raised(Exception):
    """The student's code raised: `kinds` are the names of the exception's class and its bases."""

    def __init__(self, reply: RaisedThere) -> None:
        self.kinds = tuple(reply.kinds) or ("Exception",)
        self.text = reply.text
        self.where = reply.where
        self.missing_name = reply.missing_name
        super().__init__(f"{self.kinds[0]}: {reply.text}" if reply.text else self.kinds[0])


class ReferenceRaised(Raised):
    """The reference raised: where a grader does not expect it, the fault is ours."""


class StudentLost(Exception):
    """The student's process gave no answer; `fault` says why."""

    def __init__(self, fault: Fault, text: str) -> None:
        self.fault: Fault = fault
        super().__init__(text)


class Side(ABC):
    """A namespace somewhere else: its functions are called as if they were attributes."""

    _raises: type[Raised] = Raised

    def __init__(self) -> None:
        self.changed: tuple[str, ...] = ()
        self.exchanges: list[Exchange] = []
        self.questions: list[Question] = []
        """What the exchanges answer, one by one."""
        self.asked: Callable[[], str] = str
        self._ids = itertools.count(1)

    @abstractmethod
    def _ask(self, question: Question) -> Reply:
        """Send one question and wait for its reply."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            wired, named = _wired(args, kwargs)
            self.asked = lambda: f"{name}({_arguments(args, kwargs)})"
            return self._exchange(Call(next(self._ids), name, wired, named))

        return call

    def value(self, name: str) -> Any:
        """The value bound to a name of the notebook."""
        self.asked = lambda: name
        return self._exchange(Fetch(next(self._ids), name))

    def run(self, probe: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a probe there; its file is sent as source text."""
        wired, named = _wired(args, kwargs)
        question = RunProbe(next(self._ids), _source(probe), probe.__name__, wired, named)
        self.asked = lambda: _describe(probe, args, kwargs)
        return self._exchange(question)

    def start_over(self) -> None:
        """Forget the questions of the check before."""
        self.exchanges.clear()
        self.questions.clear()

    def asked_again(self, question: Question) -> Any:
        """What comes back to a question that was put to another side."""
        return self._exchange(question)

    def _exchange(self, question: Question) -> Any:
        self.changed = ()
        self.questions.append(question)
        self.exchanges.append(Exchange(None, "no answer"))
        reply = self._ask(question)
        if isinstance(reply, Answered):
            self.changed = tuple(reply.changed)
            value = _rebuilt(reply.value)
            self.exchanges[-1] = Exchange(value, None, self.changed)
            return value
        raised = self._raises(reply)
        self.exchanges[-1] = Exchange(None, str(raised))
        raise raised


class LocalSide(Side):
    """A namespace in this process: the reference solution."""

    _raises = ReferenceRaised

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self._answerer = Answerer(names)

    def _ask(self, question: Question) -> Reply:
        with torch.random.fork_rng(devices=[]):
            reply = self._answerer.answer(question)
        return msgspec.msgpack.decode(msgspec.msgpack.encode(reply), type=Reply)  # type: ignore[no-any-return]


def _rebuilt(value: Value) -> Any:
    """The Python value of an answer; what cannot be rebuilt is the fault of who sent it."""
    try:
        return from_wire(value)
    except Exception as error:  # noqa: BLE001  a forged size or name is refused by NumPy and PyTorch in many ways
        text = f"What came back cannot be read: {str(error)[:200]}"
        raise StudentLost("wrong", text) from None


def _wired(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Value], dict[str, Value]]:
    return [to_wire(x) for x in args], {name: to_wire(x) for name, x in kwargs.items()}


@cache
def _source(probe: Callable[..., Any]) -> str:
    """The whole file that the probe stands in."""
    return Path(inspect.getsourcefile(probe) or "").read_text(encoding="utf-8")


def _describe(probe: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The first line of the probe's docstring, with its arguments filled in where it names them."""
    line = (inspect.getdoc(probe) or probe.__name__.replace("_", " ")).splitlines()[0]
    if "{" not in line:
        return line
    given = inspect.signature(probe).bind_partial(None, *args, **kwargs)
    given.apply_defaults()
    wanted = {field for _, field, _, _ in Formatter().parse(line) if field}
    return line.format_map({name: _shown(given.arguments.get(name, "…")) for name in wanted})


def _shown(value: Any) -> str:
    """A value inside a sentence: text stands there without quotes."""
    return value if isinstance(value, str) else show(value)


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return ", ".join([*(show(x) for x in args), *(f"{name}={show(x)}" for name, x in kwargs.items())])


def show(value: Any, limit: int = 160) -> str:
    """A short text for a value, as a student reads it; large tensors and arrays by their shape."""
    text = _show(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _show(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        if value.numel() <= 6:
            return f"tensor({_rounded(value.tolist())}, {kind})"
        return f"tensor of shape {tuple(value.shape)}, {kind}"
    if isinstance(value, np.ndarray) and value.size > 6:
        return f"array of shape {value.shape}, {value.dtype}"
    if isinstance(value, np.ndarray):
        return f"array({_rounded(value.tolist())})"
    if isinstance(value, np.longdouble):
        return _show(float(value))
    if isinstance(value, np.generic):
        found = value.item()
        return repr(found)[:200] if isinstance(found, np.generic) else _show(found)
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_show(x) for x in value[:12]) + (", …" if len(value) > 12 else "")
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_show(k)}: {_show(v)}" for k, v in list(value.items())[:12]) + "}"
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    if isinstance(value, int) and value.bit_length() > MAX_SHOWN_BITS:
        return f"a whole number of {value.bit_length()} bits"  # Python refuses to write the longest out
    return f"a {value.type_name}" if isinstance(value, Handle) else repr(value)[:200]


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(x) for x in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
