"""Attacks that reach for files, processes, the network and privileges outside the sandbox."""

from __future__ import annotations

import os
import resource
import signal
import socket
from pathlib import Path
from typing import Any

from sandbox_attacks.calls import error_of, libc, open_once

from autograder.sandbox import syscalls


def read_outside(facts: Any) -> Any:
    folder = facts["folder"]
    names = {"secret": f"{folder}/secret.txt", "shadow": "/etc/shadow", "hosts": "/etc/hostname"}
    found = {name: error_of(lambda path=path: Path(path).read_text()) for name, path in names.items()}
    found["home"] = error_of(lambda: os.listdir(os.path.expanduser("~root")))
    try:
        return found | {"siblings": os.listdir(folder)}
    except OSError:
        return found | {"siblings": []}


def write_outside(facts: Any) -> Any:
    shown = facts["shown"]
    places = ["/x", "/usr/x", "/etc/x", "/dev/x", "/var/x", f"{shown}/x", f"{facts['folder']}/x"]
    found = {
        place: error_of(lambda place=place: open_once(place, os.O_WRONLY | os.O_CREAT)) for place in places
    }
    existing = ["/etc/passwd", f"{shown}/__init__.py", "/proc/sys/kernel/hostname"]
    found |= {
        place: error_of(lambda place=place: open_once(place, os.O_WRONLY | os.O_APPEND)) for place in existing
    }
    return found | {"null": error_of(lambda: open_once("/dev/null", os.O_WRONLY))}


def list_root(facts: Any) -> Any:
    try:
        return os.listdir("/")
    except PermissionError:
        return "EACCES"


def see_processes(facts: Any) -> Any:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()], os.getpid()
    except OSError as error:
        return error.errno, os.getpid()


def kill_others(facts: Any) -> Any:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    found = {}
    for name, pid in facts["victims"].items():
        found[name] = error_of(lambda pid=pid: os.kill(pid, signal.SIGKILL))
    found["fork server"] = error_of(lambda: os.kill(os.getppid(), signal.SIGINT))
    found["everyone"] = error_of(lambda: os.kill(-1, signal.SIGTERM))
    return found


def change_others(facts: Any) -> Any:
    """Change the limits, priority and processors of the process that all submissions are forked from."""
    if not facts["filter"]:
        return {}
    fork_server, user = os.getppid(), os.getuid()
    return {
        "limits": error_of(lambda: resource.prlimit(fork_server, resource.RLIMIT_NOFILE, (0, 0))),
        "priority": error_of(lambda: os.setpriority(os.PRIO_PROCESS, fork_server, 19)),
        "priorities of a group": error_of(lambda: os.setpriority(os.PRIO_PGRP, 0, 19)),
        "priorities of a user": error_of(lambda: os.setpriority(os.PRIO_USER, user, 19)),
        "scheduler": error_of(lambda: os.sched_setscheduler(fork_server, os.SCHED_IDLE, os.sched_param(0))),
        "processors": error_of(lambda: os.sched_setaffinity(fork_server, os.sched_getaffinity(0))),
        "own limits": error_of(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))),
        "own priority": error_of(lambda: os.setpriority(os.PRIO_PROCESS, 0, 1)),
        "own processors": error_of(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))),
    }


def connect(facts: Any) -> Any:
    place = ("127.0.0.1", facts["port"])
    local = socket.socket(socket.AF_UNIX)
    found = {"tcp": error_of(lambda: socket.create_connection(place, timeout=2))}
    found["udp"] = error_of(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", place))
    found["listen"] = error_of(lambda: socket.socket().bind(("127.0.0.1", 0)))
    found["abstract"] = error_of(lambda: local.connect("\0" + facts["abstract"]))
    return found


def filtered_calls(facts: Any) -> Any:
    """The refused calls by the error they raise; nothing where there is no filter."""
    if not facts["filter"]:
        return {}
    column = list(syscalls.MACHINES).index(os.uname().machine)
    found: dict[str, list[str]] = {}
    for name, numbers in (syscalls.FORBIDDEN | syscalls.ABSENT).items():
        if numbers[column] >= 0:
            error = error_of(lambda number=numbers[column]: libc.syscall(number, 0, 0, 0, 0, 0, 0))
            found.setdefault(error, []).append(name)
    new_user = 0x10000000 | signal.SIGCHLD
    clone = error_of(lambda: libc.syscall(syscalls.CLONE[column], new_user, 0, 0, 0, 0))
    families = {
        str(family): error_of(lambda family=family: socket.socket(family)) for family in (2, 10, 16, 17, 40)
    }
    return {"calls": found, "clone": clone, "families": families}


def as_new_root(facts: Any) -> Any:
    """Create a user namespace, if possible, and try what its capabilities open."""
    found = {"user": error_of(lambda: libc.unshare(0x10000000))}
    found["mount"] = error_of(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    found["secret"] = error_of(lambda: Path(facts["folder"], "secret.txt").read_text())
    return found | {"tcp": connect(facts)["tcp"]}


def regain(facts: Any) -> Any:
    found = {
        "mounts": error_of(lambda: libc.unshare(0x20000)),
        "net": error_of(lambda: libc.unshare(0x40000000)),
        "mount": error_of(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
        "umount": error_of(lambda: libc.umount2(b"/tmp", 2)),
        "setuid": error_of(lambda: os.setresuid(0, 0, 0)) if os.getuid() else "EPERM",
        "setgid": error_of(lambda: os.setresgid(0, 0, 0)) if os.getgid() else "EPERM",
        "chroot": error_of(lambda: os.chroot("/tmp")),
        "ptrace": error_of(lambda: libc.ptrace(16, os.getppid(), 0, 0)),
        "fork server's memory": error_of(lambda: open_once(f"/proc/{os.getppid()}/mem", os.O_RDONLY)),
        "limit": "EPERM",
    }
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (10_000, 10_000))
        found["limit"] = "done"
    except (OSError, ValueError):
        pass
    status = Path("/proc/self/status").read_text()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    fields = ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Uid", "Groups")
    bounding = lines["CapBnd"] if facts["capable"] else "0"
    return found, {name: lines[name].split() for name in fields}, int(bounding, 16)
