"""The reference solution behind the same interface as a student's notebook."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import msgspec

from autograder.process.proxy import LocalProxy
from autograder.protocol.messages import Request, Response
from autograder.protocol.values import RefValue

MAX_CACHED_BYTES = 256 * 2**20
"""Of one exercise's requests and responses."""


class ReferenceProxy(LocalProxy):
    """The reference solution; it answers a repeated request from a cache.

    Every submission of a run gets the same inputs, so the reference is computed once for a whole class.
    A response is not cached if it, or its request, refers to an entry of the object table: that object
    may have changed since, and is gone after the check. What was not asked for the longest time makes room:
    a check may ask about a submission's own values, and no other submission has the same.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__(names)
        self._responses: dict[bytes, tuple[Response, int]] = {}
        """Responses and their sizes by encoded request; what was asked last is at the end."""
        self._size = 0

    def _ask(self, request: Request) -> Response:
        key = msgspec.msgpack.encode(msgspec.structs.replace(request, id=0))
        cached = self._responses.pop(key, None)
        if cached is not None:
            self._responses[key] = cached
            return cached[0]
        kept_before = self._answerer.table.added
        response = super()._ask(request)
        if self._answerer.table.added == kept_before and not _has_object_ref(request):
            self._cache(key, response)
        return response

    def _cache(self, key: bytes, response: Response) -> None:
        size = len(key) + len(msgspec.msgpack.encode(response))
        if size > MAX_CACHED_BYTES:
            return
        self._responses[key] = response, size
        self._size += size
        while self._size > MAX_CACHED_BYTES:
            oldest = next(iter(self._responses))
            self._size -= self._responses.pop(oldest)[1]


def _has_object_ref(request: Request) -> bool:
    values = [*getattr(request, "args", []), *getattr(request, "kwargs", {}).values()]
    return any(isinstance(value, RefValue) for value in values)


def load_reference(solutions: Path) -> dict[str, Any]:
    """Import a notebook's file of reference solutions and return its names."""
    name = f"reference_{solutions.stem}"
    spec = importlib.util.spec_from_file_location(name, solutions)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)
