"""Start a Python process that inherits one end of a socket pair, and interrupt it, on every system."""

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
from typing import IO, Any

_FROM_STDIN = "-"


def start_with_socket(argv: Sequence[str], **options: Any) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a process; return it and the parent's end of its socket.

    The process gets one more argument, which it passes to `inherited_socket`. `options` are Popen's.
    """
    parent_end, child_end = socket.socketpair()
    with child_end:
        if sys.platform == "win32":
            process = _popen_on_windows([*argv, _FROM_STDIN], stdin=subprocess.PIPE, **options)
            share = child_end.share(process.pid)  # only that process can use it
            _write_stdin(process, struct.pack("<I", len(share)) + share)
        else:
            descriptor = child_end.fileno()
            process = subprocess.Popen(
                [*argv, str(descriptor)], stdin=subprocess.DEVNULL, pass_fds=[descriptor], **options
            )
    return process, parent_end


def inherited_socket(argument: str) -> socket.socket:
    """In the started process, return its end of the socket."""
    if sys.platform == "win32":
        assert argument == _FROM_STDIN
        (length,) = struct.unpack("<I", sys.stdin.buffer.read(4))
        return socket.fromshare(sys.stdin.buffer.read(length))
    return socket.socket(fileno=int(argument))


def interrupt(process: subprocess.Popen[bytes]) -> None:
    """Interrupt the process as Ctrl-C does in a terminal."""
    if sys.platform == "win32":
        _write_stdin(process, b"!")
    else:
        process.send_signal(signal.SIGINT)


def listen_for_interrupts() -> None:
    """In the started process, after inherited_socket: let `interrupt` reach the main thread.

    Only Windows needs this, because it cannot send an interrupt to a process without a console.
    """
    if sys.platform == "win32":
        stdin = os.dup(0)
        with open(os.devnull, "rb") as null:
            os.dup2(null.fileno(), 0)
        threading.Thread(target=_interrupt_at_each_byte, args=[stdin], daemon=True).start()


def _interrupt_at_each_byte(stdin: int) -> None:
    while os.read(stdin, 1):
        _thread.interrupt_main()


def _popen_on_windows(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start the base interpreter: a virtual environment's python.exe only launches it, under another pid."""
    base = getattr(sys, "_base_executable", sys.executable)
    if argv[0] == sys.executable != base:
        argv = [base, *argv[1:]]
        options["env"] = {**options["env"], "__PYVENV_LAUNCHER__": sys.executable}
    return subprocess.Popen(argv, **options)


def _write_stdin(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError):  # the process has ended, which its socket shows
        process.stdin.write(data)
        process.stdin.flush()


def last_line(log: IO[bytes]) -> str:
    """The last line that a process wrote to its stderr log, where Python says what went wrong."""
    log.seek(0)
    lines = log.read()[-4000:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
