"""The process between the grader and the fork server: it sets up the sandbox and starts the fork server.

Run by bootstrap.py. It stays as the fork server's parent: when it or the grader dies, everything inside dies.
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
from autograder.sandbox.gpu_paths import GpuPaths
from autograder.sandbox.kill_tree import kill_tree
from autograder.sandbox.view import View

FAILED = 71
_POLL_S = 0.25


@dataclass(frozen=True)
class LaunchRequest:
    """What launch() asks for. `status` is a descriptor for one sentence that says why it failed."""

    argv: list[str]
    env: dict[str, str]
    capabilities: dict[str, Any]
    binds: list[str]
    links: list[tuple[str, str]]
    fds: list[int]
    status: int
    parent: int
    group: str
    gpu: dict[str, Any] | None = None


def main(text: str) -> None:
    """Serve one request, as JSON. Never returns: exits with the fork server's code, or with FAILED."""
    request = LaunchRequest(**json.loads(text))
    os.set_inheritable(request.status, False)
    try:
        _run(request)
    except OSError as error:
        message = error.strerror if error.filename is None else str(error)
        os.write(request.status, str(message).encode())
        os._exit(FAILED)


def _run(request: LaunchRequest) -> None:
    if request.group:  # before the first fork, so that every child is in the group
        with open(f"{request.group}/cgroup.procs", "w") as members:
            members.write(str(os.getpid()))
    capabilities = Capabilities(**request.capabilities)
    parent = request.parent
    if not capabilities.pid:
        parent = _fork_reaper(request)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    if capabilities.user:
        namespaces.enter_user(uids=capabilities.uids)
    if capabilities.pid:
        kernel.unshare(kernel.CLONE_NEWPID)
    # A hangup on `alive` tells the fork server that we died before it asked to be killed when we die.
    alive, held_open = os.pipe()
    fork_server = os.fork()
    if fork_server == 0:
        os.close(held_open)
        _become_fork_server(request, capabilities, alive)
    os.close(alive)
    _close_descriptors(request)
    os._exit(_wait(fork_server, parent, kill_rest=not capabilities.pid))


def _fork_reaper(request: LaunchRequest) -> int:
    """Without a pid namespace, another process must kill what is left once the supervisor is dead.

    Returns in that process, the reaper, with the pid of the supervisor.
    """
    supervisor = os.getpid()
    reaper = os.fork()
    if reaper:
        _close_descriptors(request)
        os._exit(_wait(reaper, request.parent, kill_rest=False))
    return supervisor


def _close_descriptors(request: LaunchRequest) -> None:
    """Close what belongs to the fork server alone, so that the grader notices when the fork server ends."""
    for descriptor in (*request.fds, request.status):
        os.close(descriptor)


def _become_fork_server(request: LaunchRequest, capabilities: Capabilities, alive: int) -> None:
    """In the new process: finish the sandbox, then exec; report a failure on the status descriptor."""
    try:
        os.setsid()
        namespaces.leave(capabilities)
        if capabilities.mount:
            links = tuple((link, target) for link, target in request.links)
            gpu = GpuPaths.restored(request.gpu) if request.gpu else None
            namespaces.build_root(View(tuple(request.binds), links, gpu), own_proc=capabilities.proc)
        if capabilities.user and not capabilities.uids:
            privileges.keep_over_exec()
        if not capabilities.pid:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        # From inside, pid 1 receives only signals it has a handler for, and Python installs one for SIGINT.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        poll = select.poll()
        poll.register(alive, 0)
        if poll.poll(0):
            os._exit(FAILED)  # our parent died before PR_SET_PDEATHSIG took effect
        os.execve(request.argv[0], request.argv, request.env)
    except OSError as error:
        os.write(request.status, f"{error.strerror} ({error.filename or request.argv[0]})".encode())
        os._exit(FAILED)


def _wait(child: int, parent: int, *, kill_rest: bool) -> int:
    """Wait until the child ends, SIGTERM arrives or our parent dies; return the child's exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGTERM})
    code = 128 + signal.SIGKILL
    # Poll for the parent: a death signal would arrive as soon as the thread that called launch() ends.
    while os.getppid() == parent:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else 128 - ended
            break
        received = signal.sigtimedwait({signal.SIGCHLD, signal.SIGTERM}, _POLL_S)
        if received is not None and received.si_signo == signal.SIGTERM:
            break
    if kill_rest:
        kill_tree()
    return code
