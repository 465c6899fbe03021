"""The proxies a hidden grader talks to: one interface for the student's notebook and for the reference."""

from __future__ import annotations

import inspect
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import msgspec
import torch

from autograder.core import wording
from autograder.core.records import Exchange, Fault
from autograder.process.show import show_argument, show_arguments, show_inline
from autograder.protocol.answerer import Answerer
from autograder.protocol.decode import decode_value
from autograder.protocol.default_dtype import mark_defaults
from autograder.protocol.encode import encode_value
from autograder.protocol.messages import (
    Call,
    ErrorResponse,
    Fetch,
    Request,
    Response,
    RunProbe,
    ValueResponse,
)
from autograder.protocol.places import release_memory
from autograder.protocol.values import Value


class Raised(Exception):
    """The student's code raised: `kinds` are the names of the exception's class and its bases."""

    def __init__(self, response: ErrorResponse) -> None:
        self.kinds = tuple(response.kinds) or ("Exception",)
        self.text = response.text
        self.where = response.where
        self.missing_name = response.missing_name
        super().__init__(f"{self.kinds[0]}: {response.text}" if response.text else self.kinds[0])


class ReferenceRaised(Raised):
    """The reference raised: an internal error, unless the grader expects it."""


NO_ANSWER = "no answer"
"""The error of an exchange in which neither a value nor an exception came back."""


class StudentLost(Exception):
    """The student's process gave no answer; `fault` says why."""

    def __init__(self, fault: Fault, text: str) -> None:
        self.fault: Fault = fault
        super().__init__(text)


class NotebookProxy(ABC):
    """A notebook's namespace: its functions can be called as methods, whichever process it is in."""

    _raises: type[Raised] = Raised

    def __init__(self) -> None:
        self.device = "cpu"
        """Where the tensors of requests are created: a name in protocol/places.py."""
        self.changed_was_read = False
        """Whether the check has asked what was changed."""
        self.last_error: Raised | None = None
        """What the last request raised."""
        self._changed: tuple[str, ...] = ()
        self._parameters: list[str] = []
        self.exchanges: list[Exchange] = []
        self.requests: list[Request] = []
        """The request behind each exchange."""
        self.asked: Callable[[], str] = str
        """The last request as text, made only when it is needed."""
        self._ids = itertools.count(1)

    @property
    def changed(self) -> tuple[str, ...]:
        """What the last request changed that it should leave alone: arguments, random state, settings."""
        self.changed_was_read = True
        return self._changed

    def changed_in_words(self) -> list[str]:
        """The same; an argument of a probe goes by the name of its parameter."""
        positions = {f"argument {i}": f"argument {name}" for i, name in enumerate(self._parameters, 1)}
        return [positions.get(name, name) for name in self._changed]

    @property
    def _place(self) -> str:
        return "" if self.device == "cpu" else self.device

    @abstractmethod
    def _ask(self, request: Request) -> Response:
        """Send one request and wait for its response."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            values, named = _encode(args, kwargs)
            self.asked = lambda: f"{name}({show_arguments(args, kwargs)})"
            self._parameters = []
            return self._exchange(Call(next(self._ids), name, values, named, self._place))

        return call

    def value(self, name: str) -> Any:
        """The value bound to a name in the notebook."""
        self.asked = lambda: name
        return self._exchange(Fetch(next(self._ids), name, self._place))

    def run(self, probe: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a probe in the notebook's process; its file is sent as source text.

        Like every request, raises Raised if the code there raises and StudentLost if no answer comes.
        """
        values, named = _encode(args, kwargs)
        request = RunProbe(next(self._ids), _source(probe), probe.__name__, values, named, self._place)
        self.asked = lambda: _describe_probe(probe, args, kwargs)
        self._parameters = _parameters(probe)
        return self._exchange(request)

    def start_over(self) -> None:
        """Forget the requests of the previous check."""
        self.exchanges.clear()
        self.requests.clear()
        self.changed_was_read = False

    def asked_again(self, request: Request) -> Any:
        """Send a request that was made to another proxy."""
        return self._exchange(request)

    def _exchange(self, request: Request) -> Any:
        self._changed = ()
        self.last_error = None
        self.requests.append(request)
        self.exchanges.append(Exchange(None, NO_ANSWER))
        response = self._ask(request)
        if isinstance(response, ValueResponse):
            self._changed = tuple(response.changed)
            value = _decode(response.value)
            if response.in_double:
                mark_defaults(value)
            self.exchanges[-1] = Exchange(value, None, self._changed)
            return value
        raised = self.last_error = self._raises(response)
        self.exchanges[-1] = Exchange(None, str(raised))
        raise raised


class LocalProxy(NotebookProxy):
    """A namespace in this process: the reference solution."""

    _raises = ReferenceRaised

    def __init__(self, names: Mapping[str, Any]) -> None:
        super().__init__()
        self._answerer = Answerer(names)

    def start_over(self) -> None:
        """Also let go of the objects that the previous check referred to, and of a GPU's memory."""
        super().start_over()
        self._answerer.table.clear()
        release_memory()

    def _ask(self, request: Request) -> Response:
        with torch.random.fork_rng(devices=[]):
            response = self._answerer.answer(request)
        return msgspec.msgpack.decode(msgspec.msgpack.encode(response), type=Response)  # type: ignore[no-any-return]


def _decode(value: Value) -> Any:
    """The Python value of an answer. Raises StudentLost if it cannot be decoded."""
    try:
        return decode_value(value)
    except Exception as error:  # noqa: BLE001  NumPy and PyTorch refuse a forged size or name in many ways
        raise StudentLost("wrong", wording.cannot_be_read(str(error)[:200])) from None


def _encode(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Value], dict[str, Value]]:
    return [encode_value(x) for x in args], {name: encode_value(x) for name, x in kwargs.items()}


@cache
def _source(probe: Callable[..., Any]) -> str:
    """The whole file that defines the probe."""
    return Path(inspect.getsourcefile(probe) or "").read_text(encoding="utf-8")


def _parameters(probe: Callable[..., Any]) -> list[str]:
    """The names of a probe's parameters after the first, which holds the notebook's names."""
    return list(inspect.signature(probe).parameters)[1:]


def _describe_probe(probe: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The first line of the probe's docstring, with the arguments it names filled in."""
    line = (inspect.getdoc(probe) or probe.__name__.replace("_", " ")).splitlines()[0]
    if "{" not in line:
        return line
    given = inspect.signature(probe).bind_partial(None, *args, **kwargs)
    given.apply_defaults()
    said = ""
    for text, field, _, _ in Formatter().parse(line):
        said += text
        if field:
            # Within the parentheses of a call a text is an argument, and is written as code.
            show_it = show_argument if re.search(r"\w\([^()]*$", said) else show_inline
            said += show_it(given.arguments[field]) if field in given.arguments else "…"
    return said
