"""What test_sandbox.py runs outside pytest: a starter, a warm stand-in, and attacks from inside.

Stdlib only and importable by any Python 3.11, since an ordinary user may reach no other.
`sandbox_attacks.py start FORM FOLDER` prints one JSON object {attack: what came of it}.
"""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from autograder.kill_tree import descendants, kill_tree

from autograder.core.limits import Limits  # a copy of the package lies beside this file
from autograder.sandbox import syscalls
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.enter import enter, inherited
from autograder.sandbox.launch import launch, probe
from autograder.sandbox.view import system_paths

MIB = 1 << 20
LIMITS = Limits(
    memory_bytes=256 * MIB, cpu_seconds=20, processes=30, open_files=200,
    file_bytes=4 * MIB, tmp_bytes=8 * MIB, tmp_files=150,
)  # fmt: skip
SLOT = 3
ATTEMPTS = 200
libc = ctypes.CDLL(None, use_errno=True)


def said(action: Any) -> str:
    """The name of the error that stopped `action`, or "done"."""
    try:
        result = action()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "OSError")
    if isinstance(result, int) and result == -1:
        return errno.errorcode[ctypes.get_errno()]
    return "done"


def tried(path: str, flags: int) -> None:
    os.close(os.open(path, flags))


# --- attacks: each runs in a child that has entered -------------------------------------------


def read_outside(facts: Any) -> Any:
    folder = facts["folder"]
    names = {"secret": f"{folder}/secret.txt", "shadow": "/etc/shadow", "hosts": "/etc/hostname"}
    found = {name: said(lambda path=path: Path(path).read_text()) for name, path in names.items()}
    found["home"] = said(lambda: os.listdir(os.path.expanduser("~root")))
    try:
        return found | {"siblings": os.listdir(folder)}
    except OSError:
        return found | {"siblings": []}


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
        found[name] = said(lambda pid=pid: os.kill(pid, signal.SIGKILL))
    found["warm"] = said(lambda: os.kill(os.getppid(), signal.SIGINT))
    found["everyone"] = said(lambda: os.kill(-1, signal.SIGTERM))
    return found


def change_others(facts: Any) -> Any:
    """Limits, priority and processors of the process that all submissions are forked from."""
    if not facts["filter"]:
        return {}
    warm, user = os.getppid(), os.getuid()
    return {
        "limits": said(lambda: resource.prlimit(warm, resource.RLIMIT_NOFILE, (0, 0))),
        "priority": said(lambda: os.setpriority(os.PRIO_PROCESS, warm, 19)),
        "priorities of a group": said(lambda: os.setpriority(os.PRIO_PGRP, 0, 19)),
        "priorities of a user": said(lambda: os.setpriority(os.PRIO_USER, user, 19)),
        "scheduler": said(lambda: os.sched_setscheduler(warm, os.SCHED_IDLE, os.sched_param(0))),
        "processors": said(lambda: os.sched_setaffinity(warm, os.sched_getaffinity(0))),
        "own limits": said(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))),
        "own priority": said(lambda: os.setpriority(os.PRIO_PROCESS, 0, 1)),
        "own processors": said(lambda: os.sched_setaffinity(0, os.sched_getaffinity(0))),
    }


def connect(facts: Any) -> Any:
    place = ("127.0.0.1", facts["port"])
    local = socket.socket(socket.AF_UNIX)
    found = {"tcp": said(lambda: socket.create_connection(place, timeout=2))}
    found["udp"] = said(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", place))
    found["listen"] = said(lambda: socket.socket().bind(("127.0.0.1", 0)))
    found["abstract"] = said(lambda: local.connect("\0" + facts["abstract"]))
    return found


def filtered_calls(facts: Any) -> Any:
    """What each refused call says, by its error; nothing where there is no filter."""
    if not facts["filter"]:
        return {}
    column = list(syscalls._MACHINES).index(os.uname().machine)
    found: dict[str, list[str]] = {}
    for name, numbers in (syscalls._FORBIDDEN | syscalls._ABSENT).items():
        if numbers[column] >= 0:
            error = said(lambda number=numbers[column]: libc.syscall(number, 0, 0, 0, 0, 0, 0))
            found.setdefault(error, []).append(name)
    new_user = 0x10000000 | signal.SIGCHLD
    clone = said(lambda: libc.syscall(syscalls._CLONE[column], new_user, 0, 0, 0, 0))
    families = {
        str(family): said(lambda family=family: socket.socket(family)) for family in (2, 10, 16, 17, 40)
    }
    return {"calls": found, "clone": clone, "families": families}


def write_outside(facts: Any) -> Any:
    shown = facts["shown"]
    places = ["/x", "/usr/x", "/etc/x", "/dev/x", "/var/x", f"{shown}/x", f"{facts['folder']}/x"]
    found = {place: said(lambda place=place: tried(place, os.O_WRONLY | os.O_CREAT)) for place in places}
    existing = ["/etc/passwd", f"{shown}/__init__.py", "/proc/sys/kernel/hostname"]
    found |= {place: said(lambda place=place: tried(place, os.O_WRONLY | os.O_APPEND)) for place in existing}
    return found | {"null": said(lambda: tried("/dev/null", os.O_WRONLY))}


def fill_bytes(facts: Any) -> Any:
    written, reason = 0, "never"
    for number in range(40):
        try:
            with open(f"fill{number}", "wb", buffering=0) as file:
                for _ in range(4):
                    written += file.write(bytes(MIB // 2))
        except OSError as error:
            reason = errno.errorcode[error.errno or 0]
            break
    return reason, written


def big_file(facts: Any) -> Any:
    with open("/dev/shm/big" if facts["mount"] else "big", "wb", buffering=0) as file:
        return said(lambda: [file.write(bytes(MIB)) for _ in range(7)])


def fill_inodes(facts: Any) -> Any:
    for number in range(600):
        try:
            open(f"i{number}", "w").close()
        except OSError as error:
            return errno.errorcode[error.errno or 0], number
    return "never", 600


def fork_many(facts: Any) -> Any:
    made = 0
    for _ in range(ATTEMPTS):
        try:
            if os.fork() == 0:
                time.sleep(15)
                os._exit(0)
        except OSError as error:
            return errno.errorcode[error.errno or 0], made
        made += 1
    return "never", made


def take_memory(facts: Any) -> Any:
    private, shared = [], []
    try:
        for _ in range(32):
            private.append(bytearray(32 * MIB))
    except MemoryError:
        pass
    amount = len(private)
    private.clear()
    try:
        for _ in range(32):
            shared.append(mmap.mmap(-1, 32 * MIB))
    except (OSError, MemoryError):
        pass
    return amount * 32, len(shared) * 32


def as_new_root(facts: Any) -> Any:
    """In a user namespace of one's own, if one can be had: what its capabilities open."""
    found = {"user": said(lambda: libc.unshare(0x10000000))}
    found["mount"] = said(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    found["secret"] = said(lambda: Path(facts["folder"], "secret.txt").read_text())
    return found | {"tcp": connect(facts)["tcp"]}


def regain(facts: Any) -> Any:
    found = {
        "mounts": said(lambda: libc.unshare(0x20000)),
        "net": said(lambda: libc.unshare(0x40000000)),
        "mount": said(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
        "umount": said(lambda: libc.umount2(b"/tmp", 2)),
        "setuid": said(lambda: os.setresuid(0, 0, 0)) if os.getuid() else "EPERM",
        "setgid": said(lambda: os.setresgid(0, 0, 0)) if os.getgid() else "EPERM",
        "chroot": said(lambda: os.chroot("/tmp")),
        "ptrace": said(lambda: libc.ptrace(16, os.getppid(), 0, 0)),
        "warm memory": said(lambda: tried(f"/proc/{os.getppid()}/mem", os.O_RDONLY)),
        "limit": "EPERM",
    }
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (10_000, 10_000))
        found["limit"] = "done"
    except (OSError, ValueError):
        pass
    status = Path("/proc/self/status").read_text()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    kept = ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Uid", "Groups")
    bounding = lines["CapBnd"] if facts["capable"] else "0"
    return found, {name: lines[name].split() for name in kept}, int(bounding, 16)


def leave_daemon(facts: Any) -> Any:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        daemon = os.fork()
        if daemon == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(writing, str(os.getpid()).encode())
            time.sleep(30)
        os._exit(0)
    return int(os.read(reading, 20))


def leave_files(facts: Any) -> Any:
    places = ["/tmp/left", "/dev/shm/left"] if facts["mount"] else ["left"]
    before = [place for place in places if os.path.exists(place)]
    for place in places:
        Path(place).write_text("left")
    return before


def ordinary_work(facts: Any) -> Any:
    """What lessons do: late imports, a subprocess, temporary files, a pool, shared memory."""
    import sqlite3
    from multiprocessing import get_context, shared_memory

    block = shared_memory.SharedMemory(create=True, size=100)
    block.close()
    block.unlink()
    with get_context("fork").Pool(2) as pool:
        squares = pool.map(abs, [-1, -2, -3])
    echoed = subprocess.run(["/bin/echo", "hello"], capture_output=True, check=True).stdout
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x")
    found = {
        "pool": squares,
        "echo": echoed.decode(),
        "sqlite": sqlite3.connect("a.db").execute("select 1").fetchone()[0],
        "cwd": os.getcwd() == os.environ["HOME"] == os.path.realpath("."),
        "random": len(os.urandom(8)),
        "cpus": bool(Path("/proc/cpuinfo").read_text()),
        "walls": "AUTOGRADER_WALLS" in os.environ,
    }
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        found["interrupted"] = True
    return found


ATTACKS = [
    ordinary_work, read_outside, list_root, see_processes, kill_others, change_others, connect, write_outside,
    filtered_calls, fill_bytes, big_file, fill_inodes, fork_many, take_memory, regain, as_new_root, leave_daemon,
    leave_files,
]  # fmt: skip


# --- the warm stand-in -------------------------------------------------------------------------


def warm(descriptor: int) -> None:
    """For every question: fork, enter, attack, sweep, answer."""
    channel = socket.socket(fileno=descriptor).makefile("rw")
    launched = inherited()
    assert launched is not None
    capabilities, _ = launched
    for line in channel:
        facts = json.loads(line)
        reading, writing = os.pipe()
        forked = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            os.write(writing, json.dumps(attack(capabilities, facts)).encode())
            os._exit(0)
        os.close(writing)
        answer = json.loads(os.read(reading, 100_000) or b'{"error": "died"}')
        if not facts.get("hold"):
            begun = time.perf_counter()
            reaped = kill_tree()
            answer |= {"sweep_ms": 1e3 * (time.perf_counter() - begun), "reaped": len(reaped)}
            answer |= {"fork_ms": 1e3 * (begun - forked), "left": left()}
        os.close(reading)
        channel.write(json.dumps(answer) + "\n")
        channel.flush()


def attack(capabilities: Capabilities, facts: Any) -> dict[str, Any]:
    begun = time.perf_counter()
    try:
        writable = Path(facts["writable"]) if not capabilities.mount else None
        enter(LIMITS, capabilities, slot=SLOT, writable=writable)
        spent = 1e3 * (time.perf_counter() - begun)
        result = ATTACKS[facts["attack"]](facts)
        return {"result": result, "enter_ms": spent}
    except (Exception, KeyboardInterrupt):  # noqa: BLE001  # whatever ends an attack is told
        return {"error": traceback.format_exc()}


def left() -> list[int]:
    """Processes below the warm one, after the sweep."""
    if os.getpid() == 1:
        return [] if said(lambda: os.kill(-1, 0)) == "ESRCH" else [-1]
    return sorted(descendants())


# --- the starter, outside ----------------------------------------------------------------------


def chosen(kind: str) -> Capabilities:
    capabilities = probe()
    if kind == "no-filter":
        return dataclasses.replace(capabilities, filter=False)
    if kind == "fallback, no-filter":
        return dataclasses.replace(capabilities, filter=False).without_namespaces()
    if kind == "outer-proc":
        return dataclasses.replace(capabilities, proc=False)
    if kind == "no-landlock":
        return dataclasses.replace(capabilities, landlock=0)
    return capabilities if kind == "namespaces" else capabilities.without_namespaces()


def launched(capabilities: Capabilities, descriptor: int) -> subprocess.Popen[bytes]:
    """Launch from a thread that ends at once: the sandbox must not end with it."""
    here, started = Path(__file__).resolve(), []
    argv = [sys.executable, "-I", str(here), "warm", str(descriptor)]
    readable = [*system_paths(), here, here.parent / "autograder"]
    env = {"PATH": "/usr/bin:/bin"}

    def work() -> None:
        fds = [descriptor]
        started.append(
            launch(
                argv, capabilities=capabilities, readable=readable, pass_fds=fds, env=env, stderr=sys.stderr
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return started[0]


def start(kind: str, folder: str) -> dict[str, Any]:
    capabilities = chosen(kind)
    here = Path(__file__).resolve().parent
    ours, theirs = socket.socketpair()
    listening, abstract = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
    name = f"walls-{os.getpid()}"
    abstract.bind("\0" + name)
    abstract.listen()
    victim = subprocess.Popen(["/bin/sleep", "60"])
    process = launched(capabilities, theirs.fileno())
    theirs.close()
    channel = ours.makefile("rw")
    facts: dict[str, Any] = {
        "folder": folder, "port": listening.getsockname()[1], "abstract": name,
        "mount": capabilities.mount, "filter": capabilities.filter, "shown": str(here / "autograder"),
        "victims": {"starter": os.getpid(), "victim": victim.pid, "shim": process.pid},
        "capable": capabilities.root or capabilities.user,
    }  # fmt: skip
    found: dict[str, Any] = {"capabilities": capabilities.record(), "sentence": capabilities.sentence}
    for number, action in enumerate(ATTACKS):
        with tempfile.TemporaryDirectory() as writable:
            channel.write(json.dumps(facts | {"attack": number, "writable": writable}) + "\n")
            channel.flush()
            line = channel.readline()
            answer = json.loads(line) if line else {"error": "the warm process died"}
            found[action.__name__] = answer
    found["victim lives"] = victim.poll() is None
    victim.kill()
    found["death"] = death(process, channel, ours, facts)
    return found


def death(process: subprocess.Popen[bytes], channel: Any, raw: socket.socket, facts: Any) -> dict[str, Any]:
    """With a daemon inside, kill the shim: how many processes were below it, how many are left."""
    hold = {"attack": ATTACKS.index(leave_daemon), "hold": True}
    with tempfile.TemporaryDirectory() as writable:
        channel.write(json.dumps(facts | hold | {"writable": writable}) + "\n")
        channel.flush()
        channel.readline()
        libc.prctl(36, 1, 0, 0, 0)  # so that orphans come to us and are seen
        below = len(descendants())
        process.kill()
        until = time.monotonic() + 3
        while any(state != "Z" for state in descendants().values()) and time.monotonic() < until:
            time.sleep(0.02)
    alive = sum(state != "Z" for state in descendants().values())
    raw.settimeout(1)
    return {"below": below, "alive": alive, "eof": raw.recv(1) == b""}


def hold_on(kind: str) -> None:
    """Launch, ask for nothing, tell the pids, and wait to be killed."""
    ours, theirs = socket.socketpair()
    launched(chosen(kind), theirs.fileno())
    print(json.dumps(sorted(descendants())), flush=True)
    ours.recv(1)


def main() -> None:
    if sys.argv[1] == "warm":
        warm(int(sys.argv[2]))
        return
    # From outside too, should every wall be missing.
    signal.alarm(60)
    resource.setrlimit(resource.RLIMIT_NPROC, (400, 400))
    resource.setrlimit(resource.RLIMIT_AS, (4096 * MIB, 4096 * MIB))
    resource.setrlimit(resource.RLIMIT_CPU, (40, 40))
    if sys.argv[1] == "hold":
        hold_on(sys.argv[2])
        return
    print(json.dumps(start(sys.argv[2], sys.argv[3])))


if __name__ == "__main__":
    main()
