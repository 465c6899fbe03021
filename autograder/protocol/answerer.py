"""Answer the grader's questions with the names of a notebook. Runs in the student's process.

The same class answers for the reference solution, in the grader's own process.
"""

from __future__ import annotations

import ctypes
import random
import traceback
import zlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import torch

from autograder.protocol.decode import from_wire
from autograder.protocol.encode import to_wire
from autograder.protocol.messages import (
    Call,
    ErrorResponse,
    Fetch,
    Request,
    Response,
    RunProbe,
    ValueResponse,
)
from autograder.protocol.values import ObjectTable, Value

MAX_TEXT = 2000
MT19937_BYTES = 4 * 624 + 4
_encode = msgspec.msgpack.Encoder().encode


class MissingName(Exception):
    """The notebook does not define what the exercise asks for."""


class Names(SimpleNamespace):
    """The notebook's names as attributes, for probes."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_names", names)

    def __getattr__(self, name: str) -> Any:
        names = object.__getattribute__(self, "_names")
        if name not in names:
            raise MissingName(f"the notebook does not define {name}")
        return names[name]


class Answerer:
    """Answers questions about one namespace; keeps what cannot cross for later questions."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = Names(names)
        self.table = ObjectTable()
        self.probe_files: dict[str, dict[str, Any]] = {}
        self._settings = _settings()
        """As they were at first: what one question changes for good is told at every later one too."""

    def answer(self, request: Request) -> Response:
        """Never raises: whatever goes wrong in the student's code is the answer."""
        try:
            return self._answer(request)
        except BaseException as error:  # noqa: BLE001  SystemExit and KeyboardInterrupt too: it is an answer
            return _raised(request.id, error)

    def _answer(self, request: Request) -> Response:
        if isinstance(request, Fetch):
            value = getattr(self.names, request.name)
            return ValueResponse(request.id, to_wire(value, self.table), [])
        args = [from_wire(x, self.table) for x in request.args]
        kwargs = {name: from_wire(x, self.table) for name, x in request.kwargs.items()}
        function, lead = self._function(request)
        _seed(request)
        before = _random_states() | self._settings
        value = function(*lead, *args, **kwargs)
        after = _random_states() | _settings()
        changed = [*self._written(request, args, kwargs), *(x for x in after if after[x] != before[x])]
        return ValueResponse(request.id, to_wire(value, self.table), changed)

    def _written(self, request: Call | RunProbe, args: list[Any], kwargs: dict[str, Any]) -> list[str]:
        """The arguments that no longer hold what was sent."""
        sent = {f"argument {i + 1}": pair for i, pair in enumerate(zip(request.args, args, strict=True))}
        sent |= {f"argument {name}": (request.kwargs[name], x) for name, x in kwargs.items()}
        return [name for name, (wire, value) in sent.items() if self._differs(wire, value)]

    def _differs(self, wire: Value, value: Any) -> bool:
        held = _fingerprint(value)
        # Most values cross to the same bytes as they came; the others are compared with a second arrival.
        return held != _encode(wire) and held != _fingerprint(from_wire(wire, self.table))

    def _function(self, request: Call | RunProbe) -> tuple[Callable[..., Any], list[Any]]:
        if isinstance(request, Call):
            return getattr(self.names, request.name), []
        names = self.probe_files.get(request.source)
        if names is None:
            names = {"__name__": "probes"}
            exec(compile(request.source, "<probe>", "exec"), names)  # noqa: S102  the grader's own probe
            self.probe_files[request.source] = names
        return names[request.function], [self.names]


def _seed(request: Request) -> None:
    """A random state that belongs to the question: the same answer whenever it is asked.

    And not the 0, 1 or 42 of somebody's own seeding: who sets the state to a fixed one changes it.
    """
    seed = zlib.crc32(_encode(msgspec.structs.replace(request, id=0)))
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _fingerprint(value: Any) -> bytes:
    try:
        return _encode(to_wire(value, _Forgetful()))
    except Exception:  # noqa: BLE001  an object that the student's code put there may do anything
        return b"?"


class _Forgetful(ObjectTable):
    """For fingerprints: what cannot cross counts as unchanged."""

    def keep(self, value: Any) -> Any:
        return None


def _random_states() -> dict[str, Any]:
    """The global state that a function has to leave alone, with _settings."""
    return {
        "torch random state": torch.default_generator.get_state().numpy().tobytes(),
        "numpy random state": _numpy_random_state(),
        "python random state": random.getstate(),
    }


def _settings() -> dict[str, Any]:
    return {"grad mode": torch.is_grad_enabled(), "default dtype": torch.get_default_dtype()}


def _numpy_random_state() -> Any:
    """The generator's key and position, read where they lie: NumPy's own get_state takes 40 times as long."""
    generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
    if type(generator) is np.random.MT19937:
        return ctypes.string_at(generator.ctypes.state_address, MT19937_BYTES)
    return repr(generator.state)


def _raised(number: int, error: BaseException) -> ErrorResponse:
    kinds = [_clean(kind.__name__)[:200] for kind in type(error).__mro__ if kind is not object]
    try:
        text = _clean(str(error))
    except BaseException:  # noqa: BLE001  a student's own __str__
        text = ""
    missing = isinstance(error, MissingName)
    return ErrorResponse(number, kinds, text[:MAX_TEXT], _clean(_where(error)), missing)


def _clean(text: str) -> str:
    """Half of a surrogate pair cannot be sent."""
    return text.encode("utf-8", "replace").decode()


def _where(error: BaseException) -> str:
    """The last line of the student's own code in the traceback (probes stay out of it)."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<cell "):
            place = f"{frame.filename.strip('<>')}, line {frame.lineno}: {(frame.line or '').strip()}"
    return place[:300]
