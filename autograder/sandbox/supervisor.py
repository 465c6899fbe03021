"""The process between the grader and the warm process: puts up the walls, then execs.

Runs in the shim and stays as the parent: when it or the grader dies, all inside dies.
"""

from __future__ import annotations

import json
import os
import select
import signal
from dataclasses import dataclass
from typing import Any

from autograder.sandbox import kernel, namespaces, privileges
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.kill_tree import kill_tree
from autograder.sandbox.view import View

FAILED = 71
_LOOK_S = 0.25


@dataclass(frozen=True)
class LaunchRequest:
    """What launch() asks for; `status` is a descriptor for one sentence if it fails."""

    argv: list[str]
    env: dict[str, str]
    capabilities: dict[str, Any]
    binds: list[str]
    links: list[tuple[str, str]]
    fds: list[int]
    status: int
    parent: int
    group: str


def main(text: str) -> None:
    """Never returns: the exit code is the warm process's, or FAILED."""
    job = LaunchRequest(**json.loads(text))
    os.set_inheritable(job.status, False)
    try:
        _run(job)
    except OSError as error:
        message = error.strerror if error.filename is None else str(error)
        os.write(job.status, str(message).encode())
        os._exit(FAILED)


def _run(job: LaunchRequest) -> None:
    if job.group:  # before anything is forked: who comes later is in it from birth
        with open(f"{job.group}/cgroup.procs", "w") as members:
            members.write(str(os.getpid()))
    capabilities = Capabilities(**job.capabilities)
    outside = job.parent
    if not capabilities.pid:
        outside = _split(job)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    if capabilities.user:
        namespaces.enter_user(uids=capabilities.uids)
    if capabilities.pid:
        kernel.unshare(kernel.CLONE_NEWPID)
    alive, living = os.pipe()
    warm = os.fork()
    if warm == 0:
        os.close(living)
        _become_warm(job, capabilities, alive)
    os.close(alive)
    _let_go(job)
    os._exit(_watch(warm, outside, sweeping=not capabilities.pid))


def _split(job: LaunchRequest) -> int:
    """Without a pid namespace a keeper sweeps after the shim's death: it must be someone else.

    Returns in the keeper, with the pid of the shim.
    """
    shim = os.getpid()
    keeper = os.fork()
    if keeper:
        _let_go(job)
        os._exit(_watch(keeper, job.parent, sweeping=False))
    return shim


def _let_go(job: LaunchRequest) -> None:
    """Close what is the warm process's alone, so that its end is seen on the other side."""
    for descriptor in (*job.fds, job.status):
        os.close(descriptor)


def _become_warm(job: LaunchRequest, capabilities: Capabilities, alive: int) -> None:
    """In the new process: walls, then exec; a failure is told on the status descriptor."""
    try:
        os.setsid()
        namespaces.leave(capabilities)
        if capabilities.mount:
            links = tuple((link, target) for link, target in job.links)
            namespaces.build_root(View(tuple(job.binds), links), own_proc=capabilities.proc)
        if capabilities.user and not capabilities.uids:
            privileges.keep_over_exec()
        if not capabilities.pid:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        # As pid 1 only signals with a handler reach it from inside, and Python handles this one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        poll = select.poll()
        poll.register(alive, 0)
        if poll.poll(0):
            os._exit(FAILED)  # the shim died before its death could be felt
        os.execve(job.argv[0], job.argv, job.env)
    except OSError as error:
        os.write(job.status, f"{error.strerror} ({error.filename or job.argv[0]})".encode())
        os._exit(FAILED)


def _watch(child: int, outside: int, *, sweeping: bool) -> int:
    """Wait for the child or for the end of who started us; the child's exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    code = 128 + signal.SIGKILL
    # The parent's death signal would come with the death of the thread that called launch().
    while os.getppid() == outside:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else 128 - ended
            break
        heard = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, _LOOK_S)
        if heard is not None and heard.si_signo == signal.SIGTERM:
            break
    if sweeping:
        kill_tree()
    return code
