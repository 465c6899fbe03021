"""The student's process: it runs the cells, then forks itself to answer the grader's requests."""

from __future__ import annotations

import gc
import os
import random
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from autograder.protocol.answerer import Answerer
from autograder.protocol.channel import Channel, MessageTooBig, ProtocolError
from autograder.protocol.messages import (
    CellDone,
    CheckUnchanged,
    Describe,
    Described,
    EndFork,
    ErrorResponse,
    Fork,
    Forked,
    ForkEnded,
    Request,
    RunCell,
    Serve,
    StopServing,
    ValueResponse,
)
from autograder.student.shell import Notebook, NotebookShell, run_quietly
from autograder.student.state_changes import state_of, unchanged
from autograder.student.student_definitions import StudentDefinitions


def serve(channel: Channel, shell: NotebookShell, seed: int, *, forks: bool) -> None:
    """Do what the grader says until it hangs up. `forks` says whether this system can fork safely."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    notebook = Notebook(shell)
    definitions = StudentDefinitions(shell.user_ns)
    while True:
        try:
            message = channel.receive(RunCell | Describe | Fork | EndFork | Serve)
        except ProtocolError:
            return
        if isinstance(message, RunCell):
            channel.send(_run_cell(notebook, message, definitions))
        elif isinstance(message, Describe):
            channel.send(Described(forks and _forkable()))
        elif isinstance(message, Fork):
            definitions.restore()
            _fork(channel, _namespace(shell, message.names))
        elif isinstance(message, EndFork):
            channel.send(ForkEnded(_end_fork(message.pid)))
        else:
            definitions.restore()
            if not answer_requests(channel, _namespace(shell, message.names)):
                return


def _run_cell(notebook: Notebook, message: RunCell, definitions: StudentDefinitions) -> CellDone:
    """Run one cell. SIGINT has an effect only while it runs."""
    if not message.given:
        definitions.before_cell()
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        done = notebook.run(message.number, message.source)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not message.given:
        definitions.after_cell()
    return done


def _forkable() -> bool:
    """Whether a fork would be a faithful copy: it keeps only one thread, and no CUDA context."""
    return len(os.listdir("/proc/self/task")) == 1 and not torch.cuda.is_initialized()


def _namespace(shell: NotebookShell, names: str) -> Mapping[str, Any]:
    """The notebook's namespace, or the dict bound to `names` in it (empty if its cell failed)."""
    found: Mapping[str, Any] = shell.user_ns.get(names, {}) if names else shell.user_ns
    return found


def _fork(channel: Channel, names: Mapping[str, Any]) -> None:
    _, (descriptor,), _, _ = socket.recv_fds(channel.sock, 1, 1)
    gc.freeze()  # a collection in the fork would touch, and so copy, every page of the notebook's objects
    pid = os.fork()
    if pid == 0:
        channel.drop()
        try:
            answer_requests(Channel(socket.socket(fileno=descriptor)), names)
        finally:
            os._exit(0)
    os.close(descriptor)
    channel.send(Forked(pid))


def _end_fork(pid: int) -> int:
    """Kill a copy; returns the signal that ended it, or 0."""
    try:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    except OSError:  # the student's code waited for it
        return 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def answer_requests(channel: Channel, names: Mapping[str, Any]) -> bool:
    """Answer requests about these names until the grader hangs up (False) or stops asking (True)."""
    run_quietly()
    sys.settrace(None)
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
                channel.send(answerer.answer(request))
            except (MessageTooBig, UnicodeError) as error:
                kinds = [type(error).__name__, "Exception"]
                channel.send(ErrorResponse(request.id, kinds, str(error), ""))
        except ProtocolError:
            return False
