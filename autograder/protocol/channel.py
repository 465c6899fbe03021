"""Bounded frames between the student's process and the grader's; both use this module.

A frame is a four-byte length and one msgpack message, decoded strictly into the structs in messages.py. The
values in those messages are the ones in values.py.
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
    """The other process sent an invalid message, or too much, or nothing in time."""


class ChannelClosed(ProtocolError):
    """The other process is gone."""


class DeadlineExceeded(ProtocolError):
    """The other process did not respond before the deadline."""


class MessageTooBig(ProtocolError):
    """A message does not fit into one frame."""


Message = TypeVar("Message")


@cache
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:
    """Cached: building a decoder takes ten times as long as decoding a message."""
    return msgspec.msgpack.Decoder(kind)


def decode_message(data: bytes, kind: type[Message] | Any) -> Message:
    """Decode one message strictly, without the garbage collector: a hostile message would keep it busy."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        message: Message = _decoder(kind).decode(data)  # type: ignore[arg-type]  # a union of types is hashable too
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ProtocolError(f"not a valid message: {str(error)[:200]}") from None
    finally:
        if collecting:
            gc.enable()
    return message


class Channel:
    """One end of a socket that carries frames. Every deadline is for a whole message."""

    def __init__(self, sock: socket.socket, max_frame: int = MAX_FRAME) -> None:
        self.sock = sock
        self.max_frame = max_frame

    def send(self, message: Any, seconds: float | None = None) -> None:
        """Send a message. Raises ProtocolError, with nothing sent, if it cannot be encoded."""
        try:
            data = msgspec.msgpack.encode(message)
        except (UnicodeError, OverflowError, TypeError, RecursionError, msgspec.MsgspecError) as error:
            raise ProtocolError(f"the message cannot be encoded: {str(error)[:200]}") from None
        if len(data) > self.max_frame:
            raise MessageTooBig(f"a message of {len(data)} bytes is over the limit of {self.max_frame}")
        try:
            self.sock.settimeout(seconds)
            self.sock.sendall(struct.pack("<I", len(data)) + data)
        except TimeoutError:
            raise DeadlineExceeded("the other process did not read the message in time") from None
        except OSError as error:
            raise ChannelClosed(f"the other process is gone ({error.strerror})") from None

    def receive(self, kind: type[Message] | Any, seconds: float | None = None) -> Message:
        """Wait for one whole message of this kind; bytes that trickle in do not extend the deadline.

        Raises DeadlineExceeded, ChannelClosed, or ProtocolError if what arrives is not such a message.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        (length,) = struct.unpack("<I", self._exactly(4, deadline))
        if length > self.max_frame:
            raise MessageTooBig(f"a message of {length} bytes is over the limit of {self.max_frame}")
        message: Message = decode_message(self._exactly(length, deadline), kind)
        return message

    def _exactly(self, length: int, deadline: float | None) -> bytes:
        data = bytearray()
        while len(data) < length:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise DeadlineExceeded("no complete message before the deadline")
            try:
                self.sock.settimeout(left)
                part = self.sock.recv(min(length - len(data), 2**20))
            except TimeoutError:
                raise DeadlineExceeded("no complete message before the deadline") from None
            except OSError as error:
                raise ChannelClosed(f"the other process is gone ({error.strerror})") from None
            if not part:
                raise ChannelClosed("the other process is gone")
            data += part
        return bytes(data)

    def close(self) -> None:
        """Close the connection; a wait in another thread ends with ChannelClosed."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def drop(self) -> None:
        """In a forked child, close the socket without ending the parent's connection."""
        self.sock.close()
