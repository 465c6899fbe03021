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
from autograder.protocol.default_dtype import STANDARD, answer_dtype
from autograder.protocol.encode import encode_value
from autograder.protocol.global_settings import (
    BETWEEN_REQUESTS,
    DEFAULT_DTYPE,
    GRAD_MODE,
    put_back,
    read_settings,
)
from autograder.protocol.messages import (
    Call,
    ErrorResponse,
    Fetch,
    Request,
    Response,
    RunProbe,
    ValueResponse,
)
from autograder.protocol.places import Place, place_of
from autograder.protocol.values import ObjectTable, Value

REPORTED_SETTINGS = (GRAD_MODE, DEFAULT_DTYPE)
"""A function has to leave these alone, as it does the random states. The others are its own business."""
MAX_TEXT = 2000
MT19937_BYTES = 4 * 624 + 4
_to_bytes = msgspec.msgpack.Encoder().encode
# Kept here because student code may assign to these names by mistake: `np.random.seed = 0`.
_seed_torch, _torch_state = torch.default_generator.manual_seed, torch.default_generator.get_state
_seed_numpy, _bit_generator = np.random.seed, np.random.get_bit_generator  # type: ignore[attr-defined]
_seed_python, _python_state = random.seed, random.getstate


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
        self._settings = read_settings(BETWEEN_REQUESTS)
        """As they were at the start, and are again after every request."""
        self._default_dtype: torch.dtype = self._settings[DEFAULT_DTYPE]

    def answer(self, request: Request) -> Response:
        """Never raises: whatever goes wrong in the student's code is the response."""
        try:
            return self._answer(request)
        except BaseException as error:  # noqa: BLE001  SystemExit and KeyboardInterrupt are responses, too
            return _error_response(request.id, error)

    def _answer(self, request: Request) -> Response:
        if isinstance(request, Fetch):
            value = getattr(self.names, request.name)
            return self._response(request, value, [])
        place = place_of(request.device)
        args = [self._decode(x, place) for x in request.args]
        kwargs = {name: self._decode(x, place) for name, x in request.kwargs.items()}
        function, leading = self._function(request)
        _seed(request, place)
        before = _random_states(place)
        try:
            with place.working():
                value = function(*leading, *args, **kwargs)
        finally:
            settings = put_back(self._settings)
        after = _random_states(place)
        changed = self._changed_arguments(request, args, kwargs)
        changed += [name for name in after if after[name] != before[name]]
        changed += [name for name in REPORTED_SETTINGS if name in settings]
        return self._response(request, value, changed)

    def _response(self, request: Request, value: Any, changed: list[str]) -> Response:
        if self._default_dtype == STANDARD:
            return ValueResponse(request.id, encode_value(value, self.table), changed)
        standard = answer_dtype(request, self._default_dtype)
        return ValueResponse(request.id, encode_value(value, self.table, 0, standard), changed, True)

    def _decode(self, value: Value, place: Place | None = None) -> Any:
        return decode_value(value, self.table, 0, self._default_dtype, place.put if place else None)

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
        return now != _to_bytes(sent) and now != _fingerprint(self._decode(sent))

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


def _seed(request: Request, place: Place) -> None:
    """Seed all generators from the request's contents, so that it has the same answer whenever it is sent.

    It is not one of the usual seeds (0, 1, 42), so code that sets one of those visibly changes the state.
    """
    contents = msgspec.structs.astuple(msgspec.structs.replace(request, id=0))[
        :-1
    ]  # on every device the same
    seed = zlib.crc32(_to_bytes([type(request).__name__, *contents]))
    place.seed(seed)
    _seed_torch(seed)
    _seed_numpy(seed)
    _seed_python(seed)


def _fingerprint(value: Any) -> bytes:
    try:
        return _to_bytes(encode_value(value, _NullTable()))
    except Exception:  # noqa: BLE001  an object that the student's code put there may do anything
        return b"?"


class _NullTable(ObjectTable):
    """For fingerprints: an object that cannot be sent counts as unchanged."""

    def add(self, value: Any) -> Any:
        return None


def _random_states(place: Place) -> dict[str, Any]:
    """The random states. A function has to leave them alone."""
    return {
        "torch random state": (_torch_state().numpy().tobytes(), place.random_state()),
        "numpy random state": _numpy_random_state(),
        "python random state": _python_state(),
    }


def _numpy_random_state() -> Any:
    """The generator's key and position, read from memory: NumPy's own get_state takes 40 times as long."""
    generator = _bit_generator()
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
