"""The proxy for a student's notebook: every request has a deadline, and nothing it returns is trusted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from autograder.core import wording
from autograder.core.gpu_errors import gpu_out_of_memory, gpu_unusable
from autograder.core.records import Fault
from autograder.process.ending import UNKNOWN, Ending
from autograder.process.proxy import NotebookProxy, StudentLost
from autograder.protocol.channel import Channel, ChannelClosed, DeadlineExceeded, ProtocolError
from autograder.protocol.messages import CheckUnchanged, ErrorResponse, Request, Response, ValueResponse


class RemoteProxy(NotebookProxy):
    """The student's notebook at the other end of a channel. Once it is `lost`, no request is sent."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        super().__init__()
        self.channel = channel
        self.seconds = seconds
        """The time limit for one request."""
        self.deadline = math.inf
        """When the exercise's time is up, on the monotonic clock; no request may run past it."""
        self.how_it_ended: Callable[[], Ending] = lambda: UNKNOWN
        """Finds out how the process ended, once it is gone."""
        self.out_of_gpu_memory: Callable[[], None] = lambda: None
        """Called when an answer says that the GPU's memory is full."""
        self._loss: tuple[Fault, str] | None = None
        """Why the process is lost."""

    @property
    def lost(self) -> bool:
        """Whether the process is gone or no longer answers."""
        return self._loss is not None

    def untouched(self) -> bool:
        """Whether the requests so far left the notebook unchanged, according to its process."""
        try:
            response = self._ask(CheckUnchanged(next(self._ids)))
        except StudentLost:
            return False
        return isinstance(response, ValueResponse) and response.value is True

    def _ask(self, request: Request | CheckUnchanged) -> Response:
        if self._loss is not None:
            raise StudentLost(*self._loss)
        seconds = min(self.seconds, self.deadline - time.monotonic())
        if seconds <= 0:
            raise StudentLost("timeout", wording.EXERCISE_TIME_IS_UP)
        try:
            self.channel.send(request, seconds)
            response: Response = self.channel.receive(Response, seconds)
        except DeadlineExceeded:
            raise self._lose("timeout", wording.still_running(seconds)) from None
        except ChannelClosed:
            ending = self.how_it_ended()
            raise self._lose(ending.fault, wording.ended_process(ending.did)) from None
        except ProtocolError as error:
            raise self._lose("wrong", wording.cannot_be_read(str(error))) from None
        if response.id != request.id:
            raise self._lose("wrong", wording.OTHER_REQUEST)
        if isinstance(response, ErrorResponse):
            self._look_for_gpu_errors(response)
        return response

    def _look_for_gpu_errors(self, response: ErrorResponse) -> None:
        """After some errors, the process has no GPU any more: this answer counts, and is its last."""
        if gpu_out_of_memory(response.kinds, response.text):
            self.out_of_gpu_memory()
        elif gpu_unusable(response.text):
            self._lose("raised", wording.GPU_UNUSABLE)

    def _lose(self, fault: Fault, text: str) -> StudentLost:
        """The error of this request, and of every later one."""
        self._loss = fault, text
        return StudentLost(fault, text)
