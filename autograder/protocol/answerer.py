"""Answer the grader's requests about the names that a notebook defines.

Runs in the student's process and, for the reference solution, in the grader's own.
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

from autograder.core import wording
from autograder.protocol.decode import decode_value
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
from autograder.protocol.values import ObjectTable, Value

MAX_TEXT = 2000
MT19937_BYTES = 4 * 624 + 4
_to_bytes = msgspec.msgpack.Encoder().encode


class MissingName(BaseException):
    """The notebook does not define what the exercise asks for.

    No Exception: a probe that catches what the student's code raises must not take this for it.
    """


class Names(SimpleNamespace):
    """The notebook's names as attributes, for probes. Raises MissingName for a name that is not defined."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_names", names)

    def __getattr__(self, name: str) -> Any:
        names = object.__getattribute__(self, "_names")
        if name not in names:
            raise MissingName(wording.not_defined(name))
        return names[name]


class Answerer:
    """Answers requests about one namespace. Objects that cannot be sent are kept in `table`."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self.names = Names(names)
        self.table = ObjectTable()
        self.probe_files: dict[str, dict[str, Any]] = {}
        self._settings = _settings()
        """As they were at the start: a lasting change is reported with every later request too."""

    def answer(self, request: Request) -> Response:
        """Never raises: whatever goes wrong in the student's code is the response."""
        try:
            return self._answer(request)
        except BaseException as error:  # noqa: BLE001  SystemExit and KeyboardInterrupt are responses, too
            return _error_response(request.id, error)

    def _answer(self, request: Request) -> Response:
        if isinstance(request, Fetch):
            value = getattr(self.names, request.name)
            return ValueResponse(request.id, encode_value(value, self.table), [])
        args = [decode_value(x, self.table) for x in request.args]
        kwargs = {name: decode_value(x, self.table) for name, x in request.kwargs.items()}
        function, leading = self._function(request)
        _seed(request)
        before = _random_states() | self._settings
        value = function(*leading, *args, **kwargs)
        after = _random_states() | _settings()
        changed = self._changed_arguments(request, args, kwargs)
        changed += [name for name in after if after[name] != before[name]]
        return ValueResponse(request.id, encode_value(value, self.table), changed)

    def _changed_arguments(
        self, request: Call | RunProbe, args: list[Any], kwargs: dict[str, Any]
    ) -> list[str]:
        """Name the arguments that no longer hold what was sent."""
        sent = {f"argument {i + 1}": pair for i, pair in enumerate(zip(request.args, args, strict=True))}
        sent |= {f"argument {name}": (request.kwargs[name], x) for name, x in kwargs.items()}
        return [name for name, (encoded, value) in sent.items() if self._differs(encoded, value)]

    def _differs(self, sent: Value, value: Any) -> bool:
        now = _fingerprint(value)
        # Most unchanged values encode to the bytes that were sent; for the rest, decode and encode those.
        return now != _to_bytes(sent) and now != _fingerprint(decode_value(sent, self.table))

    def _function(self, request: Call | RunProbe) -> tuple[Callable[..., Any], list[Any]]:
        """Return the function to run and the arguments that precede the request's."""
        if isinstance(request, Call):
            return getattr(self.names, request.name), []
        names = self.probe_files.get(request.source)
        if names is None:
            names = {"__name__": "probes"}
            exec(compile(request.source, "<probe>", "exec"), names)  # noqa: S102  the grader's own probe
            self.probe_files[request.source] = names
        return names[request.function], [self.names]


def _seed(request: Request) -> None:
    """Seed all generators from the request's contents, so that it has the same answer whenever it is sent.

    It is not one of the usual seeds (0, 1, 42), so code that sets one of those visibly changes the state.
    """
    seed = zlib.crc32(_to_bytes(msgspec.structs.replace(request, id=0)))
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _fingerprint(value: Any) -> bytes:
    try:
        return _to_bytes(encode_value(value, _NullTable()))
    except Exception:  # noqa: BLE001  an object that the student's code put there may do anything
        return b"?"


class _NullTable(ObjectTable):
    """For fingerprints: an object that cannot be sent counts as unchanged."""

    def add(self, value: Any) -> Any:
        return None


def _random_states() -> dict[str, Any]:
    """The random states. A function has to leave them alone, as it does the settings below."""
    return {
        "torch random state": torch.default_generator.get_state().numpy().tobytes(),
        "numpy random state": _numpy_random_state(),
        "python random state": random.getstate(),
    }


def _settings() -> dict[str, Any]:
    return {"grad mode": torch.is_grad_enabled(), "default dtype": torch.get_default_dtype()}


def _numpy_random_state() -> Any:
    """The generator's key and position, read from memory: NumPy's own get_state takes 40 times as long."""
    generator = np.random.get_bit_generator()  # type: ignore[attr-defined]
    if type(generator) is np.random.MT19937:
        return ctypes.string_at(generator.ctypes.state_address, MT19937_BYTES)
    return repr(generator.state)


def _error_response(number: int, error: BaseException) -> ErrorResponse:
    kinds = [_encodable(kind.__name__)[:200] for kind in type(error).__mro__ if kind is not object]
    try:
        text = _encodable(str(error))
    except BaseException:  # noqa: BLE001  a student's __str__ may raise anything
        text = ""
    missing = isinstance(error, MissingName)
    return ErrorResponse(number, kinds, text[:MAX_TEXT], _encodable(_where(error)), missing)


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs, which cannot be sent."""
    return text.encode("utf-8", "replace").decode()


def _where(error: BaseException) -> str:
    """The last line of the student's own code in the traceback; probes are left out."""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<cell "):
            number = frame.filename.removeprefix("<cell ").removesuffix(">")
            place = wording.place(number, frame.lineno, (frame.line or "").strip())
    return place[:300]
