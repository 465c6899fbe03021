"""Ordinary work, attempts to use too many files or processes or too much memory, and leftovers."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from sandbox_attacks.calls import MIB, error_of

from autograder.sandbox.enter import SANDBOX_VARIABLE

ATTEMPTS = 200


def ordinary_work(facts: Any) -> Any:
    """Do what lessons do: late imports, a subprocess, temporary files, a pool, shared memory."""
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
        "sandbox variable": SANDBOX_VARIABLE in os.environ,
    }
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        found["interrupted"] = True
    return found


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
        return error_of(lambda: [file.write(bytes(MIB)) for _ in range(7)])


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
