"""The student's process: runs the cells, then forks a copy of itself for each exercise."""

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
    Request,
    RunCell,
    Serve,
    StopServing,
    ValueResponse,
)
from autograder.student.shell import Notebook, NotebookShell, run_quietly
from autograder.student.state_changes import same, state_of
from autograder.student.student_definitions import StudentDefinitions


def serve(channel: Channel, shell: NotebookShell, seed: int, *, forks: bool) -> None:
    """Do what the grader says until it hangs up. `forks`: whether a process may be forked on this system."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    notebook = Notebook(shell)
    own = StudentDefinitions(shell.user_ns)
    while True:
        try:
            message = channel.receive(RunCell | Describe | Fork | EndFork | Serve)
        except ProtocolError:
            return
        if isinstance(message, RunCell):
            channel.send(_run_cell(notebook, message, own))
        elif isinstance(message, Describe):
            channel.send(Described(forks and _forkable()))
        elif isinstance(message, Fork):
            own.bind_again()
            _fork(channel, _named(shell, message.names))
        elif isinstance(message, EndFork):
            _end(message.pid)
            channel.send(Forked(0))
        else:
            own.bind_again()
            if not answer_questions(channel, _named(shell, message.names)):
                return


def _run_cell(notebook: Notebook, message: RunCell, own: StudentDefinitions) -> CellDone:
    """Only while a cell runs does an interrupt mean anything."""
    if not message.given:
        own.before_cell()
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        done = notebook.run(message.number, message.source)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not message.given:
        own.after_cell()
    return done


def _forkable() -> bool:
    """A fork keeps one thread and no CUDA context: with more than that the copy would not be the same."""
    return len(os.listdir("/proc/self/task")) == 1 and not torch.cuda.is_initialized()


def _named(shell: NotebookShell, names: str) -> Mapping[str, Any]:
    """The notebook's names, or those of the dict that is bound to this one (none where its cell failed)."""
    found: Mapping[str, Any] = shell.user_ns.get(names, {}) if names else shell.user_ns
    return found


def _fork(channel: Channel, names: Mapping[str, Any]) -> None:
    _, (descriptor,), _, _ = socket.recv_fds(channel.sock, 1, 1)
    gc.freeze()  # a collection in the copy would touch, and so copy, every page of the notebook's objects
    pid = os.fork()
    if pid == 0:
        channel.drop()
        try:
            answer_questions(Channel(socket.socket(fileno=descriptor)), names)
        finally:
            os._exit(0)
    os.close(descriptor)
    channel.send(Forked(pid))


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except OSError:  # it has ended by itself, or the student's code waited for it
        pass


def answer_questions(channel: Channel, names: Mapping[str, Any]) -> bool:
    """Answer with these names until the grader hangs up (False) or has asked them enough (True)."""
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
                channel.send(ValueResponse(request.id, same(before, state_of(names)), []))
                continue
            try:
                channel.send(answerer.answer(request))
            except (MessageTooBig, UnicodeError) as error:
                kinds = [type(error).__name__, "Exception"]
                channel.send(ErrorResponse(request.id, kinds, str(error), ""))
        except ProtocolError:
            return False
