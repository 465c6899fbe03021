"""The student's process: it runs the cells, then forks itself to answer the grader's requests."""

from __future__ import annotations

import gc
import os
import random
import signal
import socket
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autograder.protocol.answerer import Answerer
from autograder.protocol.channel import Channel, MessageTooBig, ProtocolError
from autograder.protocol.messages import (
    CheckUnchanged,
    EndFork,
    ErrorResponse,
    Fork,
    Forked,
    ForkEnded,
    InterruptCell,
    Request,
    Response,
    RunCell,
    Serve,
    StopServing,
    ValueResponse,
)
from autograder.student.fresh_settings import put_back_fresh_settings
from autograder.student.gpu import gpu_is_lost, wait_for_gpu
from autograder.student.shell import Notebook, NotebookShell, run_quietly
from autograder.student.state_changes import state_of, unchanged

END_FORK_SECONDS = 5.0
"""How long to wait for a copy that was killed: one whose kernel runs on a GPU may stay for longer."""
_PAUSE_SECONDS = 0.0005


def serve(channel: Channel, shell: NotebookShell, seed: int, *, forks: bool) -> None:
    """Do what the grader says until it hangs up. `forks` says whether this system can fork safely."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    notebook = Notebook(shell)
    while True:
        try:
            message = channel.receive(RunCell | InterruptCell | Fork | EndFork | Serve)
        except ProtocolError:
            return
        if isinstance(message, RunCell):
            channel.send(notebook.run(message.number, message.source, channel))
        elif isinstance(message, InterruptCell):
            notebook.interrupts.missed()
        elif isinstance(message, Fork):
            channel = _fork(channel, possible=forks and _forkable())
        elif isinstance(message, EndFork):
            channel.send(ForkEnded(_end_fork(message.pid)))
        elif not answer_requests(channel, _namespace(shell, message.names)):
            return


def _forkable() -> bool:
    """Whether a fork would be a faithful copy: it keeps only one thread, and no CUDA context.

    A process that has merely asked the driver for something is found out by its fork, see _fork_with_gpu.
    """
    return len(os.listdir("/proc/self/task")) == 1 and not torch.cuda.is_initialized()


def _namespace(shell: NotebookShell, names: str) -> Mapping[str, Any]:
    """The notebook's namespace, or the dict bound to `names` in it (empty if its cell failed)."""
    found: Mapping[str, Any] = shell.user_ns.get(names, {}) if names else shell.user_ns
    return found


def _fork(channel: Channel, *, possible: bool) -> Channel:
    """Fork, if possible. Returns the channel to go on with: in the child, its own."""
    _, (descriptor,), _, _ = socket.recv_fds(channel.sock, 1, 1)
    try:
        pid = _fork_with_gpu() if possible else -1
    except OSError:  # the notebook's own processes are as many as it may have
        pid = -1
    if pid == 0:
        channel.drop()
        gc.freeze()  # a collection here would touch, and so copy, every page of the notebook's objects
        return Channel(socket.socket(fileno=descriptor))
    os.close(descriptor)
    channel.send(Forked(max(pid, 0)))
    return channel


def _fork_with_gpu() -> int:
    """os.fork, but -1 if the fork cannot use the GPU any more that this process sees."""
    result, report = os.pipe()
    try:
        pid = os.fork()
        if pid == 0:
            if gpu_is_lost():
                os._exit(0)
            os.write(report, b".")
    finally:
        os.close(report)
    usable = pid == 0 or os.read(result, 1)
    os.close(result)
    if usable:
        return pid
    os.waitpid(pid, 0)
    return -1


def _end_fork(pid: int) -> int:
    """Kill a copy; returns the signal that ended it, or 0."""
    try:
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + END_FORK_SECONDS
        ended, status = os.waitpid(pid, os.WNOHANG)
        while not ended and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            ended, status = os.waitpid(pid, os.WNOHANG)
    except OSError:  # the student's code waited for it
        return 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def answer_requests(channel: Channel, names: Mapping[str, Any]) -> bool:
    """Answer requests about these names until the grader hangs up (False) or stops asking (True)."""
    run_quietly()
    put_back_fresh_settings()
    answerer = Answerer(names)
    before = state_of(names)
    while True:
        try:
            request: Request | CheckUnchanged | StopServing = channel.receive(
                Request | CheckUnchanged | StopServing
            )
            if isinstance(request, StopServing):
                return True
            if isinstance(request, CheckUnchanged):
                channel.send(ValueResponse(request.id, unchanged(before, state_of(names)), []))
                continue
            try:
                channel.send(_finished(answerer.answer(request)))
            except (MessageTooBig, UnicodeError) as error:
                kinds = [type(error).__name__, "Exception"]
                channel.send(ErrorResponse(request.id, kinds, str(error), ""))
        except ProtocolError:
            return False


def _finished(response: Response) -> Response:
    """The response, once the GPU has done what it was asked to do; or the error of a kernel that failed."""
    try:
        wait_for_gpu()
    except Exception as error:  # noqa: BLE001  of the kinds that PyTorch has for it
        if isinstance(response, ValueResponse):
            return ErrorResponse(response.id, [kind.__name__ for kind in type(error).__mro__], str(error), "")
    return response
