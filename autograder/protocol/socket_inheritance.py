"""Start a Python process that holds the other end of a socket of ours, and interrupt it, on every system."""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

_BY_STDIN = "-"


def start_with_socket(argv: Sequence[str], **options: Any) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process, whose last argument is for `inherited_socket`, and our end. `options` are Popen's."""
    ours, theirs = socket.socketpair()
    with theirs:
        if sys.platform == "win32":
            process = _past_the_launcher([*argv, _BY_STDIN], stdin=subprocess.PIPE, **options)
            share = theirs.share(process.pid)  # which only this process can use
            _tell(process, struct.pack("<I", len(share)) + share)
        else:
            word = str(theirs.fileno())
            process = subprocess.Popen(
                [*argv, word], stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], **options
            )
    return process, ours


def inherited_socket(word: str) -> socket.socket:
    """In the process that was started: its end."""
    if sys.platform == "win32":
        assert word == _BY_STDIN
        (length,) = struct.unpack("<I", sys.stdin.buffer.read(4))
        return socket.fromshare(sys.stdin.buffer.read(length))
    return socket.socket(fileno=int(word))


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """What Ctrl-C does in a terminal."""
    if sys.platform == "win32":
        _tell(process, b"!")
    else:
        process.send_signal(signal.SIGINT)


def listen_for_interrupts() -> None:
    """In the process that was started, after inherited_socket: let `interrupt` reach the main thread.

    Windows has no signal for it that reaches a process without a console.
    """
    if sys.platform == "win32":
        told = os.dup(0)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        threading.Thread(target=_interrupt_at_each_byte, args=[told], daemon=True).start()


def _interrupt_at_each_byte(told: int) -> None:
    while os.read(told, 1):
        _thread.interrupt_main()


def _past_the_launcher(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """On Windows a virtual environment's python.exe only starts another one, which would get none of this."""
    base = getattr(sys, "_base_executable", sys.executable)
    if argv[0] == sys.executable != base:
        argv = [base, *argv[1:]]
        options["env"] = {**options["env"], "__PYVENV_LAUNCHER__": sys.executable}
    return subprocess.Popen(argv, **options)


def _tell(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # it has ended, which is seen at its socket
        process.stdin.write(data)
        process.stdin.flush()
