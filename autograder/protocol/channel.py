"""Bounded frames between the student's process and the grader's.

Both ends use this module. A frame is a four-byte length and one msgpack message, decoded strictly into the
structs of inside/messages.py; the values inside them are values.py's.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import struct
import time
from functools import cache
from typing import Any, TypeVar

import msgspec

MAX_FRAME = 64 * 2**20


class ProtocolError(Exception):
    """The other side sent something that is no message of ours, or too much, or nothing in time."""


class ChannelClosed(ProtocolError):
    """The other side is gone."""


class DeadlineExceeded(ProtocolError):
    """The other side did not answer before the deadline."""


class MessageTooBig(ProtocolError):
    """A message is over the bound for one frame."""


Message = TypeVar("Message")


@cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """Made once: to look through the types of all messages takes ten times as long as to decode one."""
    return msgspec.msgpack.Decoder(kind)


def _decoded(data: bytes, kind: type[Message] | Any) -> Message:
    """Decode one message strictly; without the garbage collector, which a hostile one keeps busy."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        message: Message = _decoder(kind).decode(data)  # type: ignore[arg-type]  # a union of types is hashable too
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ProtocolError(f"not a message of ours: {str(error)[:200]}") from None
    finally:
        if collecting:
            gc.enable()
    return message


class Channel:
    """One end of a socket that carries frames; every wait has a deadline for the whole message."""

    def __init__(self, sock: socket.socket, max_frame: int = MAX_FRAME) -> None:
        self.sock = sock
        self.max_frame = max_frame

    def send(self, message: Any, seconds: float | None = None) -> None:
        try:
            data = msgspec.msgpack.encode(message)
        except (
            UnicodeError,
            OverflowError,
            TypeError,
            RecursionError,
            msgspec.MsgspecError,
        ) as error:
            raise ProtocolError(f"the message cannot be written: {str(error)[:200]}") from None
        if len(data) > self.max_frame:
            raise MessageTooBig(
                f"{len(data)} bytes are more than the {self.max_frame} that may cross at once"
            )
        try:
            self.sock.settimeout(seconds)
            self.sock.sendall(struct.pack("<I", len(data)) + data)
        except TimeoutError:
            raise DeadlineExceeded("the other side did not take the message in time") from None
        except OSError as error:
            raise ChannelClosed(f"the other side is gone ({error.strerror})") from None

    def receive(self, kind: type[Message] | Any, seconds: float | None = None) -> Message:
        """Wait for one whole message of this kind; the deadline is for all of it, however it drips."""
        deadline = None if seconds is None else time.monotonic() + seconds
        (length,) = struct.unpack("<I", self._exactly(4, deadline))
        if length > self.max_frame:
            raise MessageTooBig(f"a message of {length} bytes is over the bound of {self.max_frame}")
        message: Message = _decoded(self._exactly(length, deadline), kind)
        return message

    def _exactly(self, length: int, deadline: float | None) -> bytes:
        data = bytearray()
        while len(data) < length:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise DeadlineExceeded("no whole answer before the deadline")
            try:
                self.sock.settimeout(left)
                part = self.sock.recv(min(length - len(data), 2**20))
            except TimeoutError:
                raise DeadlineExceeded("no whole answer before the deadline") from None
            except OSError as error:
                raise ChannelClosed(f"the other side is gone ({error.strerror})") from None
            if not part:
                raise ChannelClosed("the other side is gone")
            data += part
        return bytes(data)

    def close(self) -> None:
        """Hang up; a wait in another thread ends with ChannelClosed."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def drop(self) -> None:
        """In a fork: let go of a socket that stays the parent's."""
        self.sock.close()
