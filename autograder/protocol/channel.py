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
    """One end of a socket that carries frames. Every deadline is for a whole message.

    A message that is late is neither lost nor cut short: the next `receive` goes on where this one stopped,
    and the next `send` first sends the rest.
    """

    def __init__(self, sock: socket.socket, max_frame: int = MAX_FRAME) -> None:
        self.sock = sock
        self.max_frame = max_frame
        self._incoming = bytearray()
        """What has arrived of the next frame. Never more: a descriptor may follow the frame."""
        self._outgoing = memoryview(b"")
        """What is left to send of the last frame."""

    def send(self, message: Any, seconds: float | None = None) -> None:
        """Send a message. Raises ProtocolError, with nothing sent, if it cannot be encoded.

        Raises DeadlineExceeded if the other process does not read in time, and ChannelClosed if it is gone.
        """
        try:
            data = msgspec.msgpack.encode(message)
        except (UnicodeError, OverflowError, TypeError, RecursionError, msgspec.MsgspecError) as error:
            raise ProtocolError(f"the message cannot be encoded: {str(error)[:200]}") from None
        if len(data) > self.max_frame:
            raise MessageTooBig(f"a message of {len(data)} bytes is over the limit of {self.max_frame}")
        deadline = _deadline(seconds)
        self._flush(deadline)
        self._outgoing = memoryview(struct.pack("<I", len(data)) + data)
        self._flush(deadline)

    def receive(self, kind: type[Message] | Any, seconds: float | None = None) -> Message:
        """Wait for one whole message of this kind; bytes that trickle in do not extend the deadline.

        Raises DeadlineExceeded, ChannelClosed, or ProtocolError if what arrives is not such a message.
        """
        deadline = _deadline(seconds)
        self._fill(4, deadline)
        (length,) = struct.unpack_from("<I", self._incoming)
        if length > self.max_frame:  # it stays where it is: what follows is no frame
            raise MessageTooBig(f"a message of {length} bytes is over the limit of {self.max_frame}")
        self._fill(4 + length, deadline)
        data = bytes(memoryview(self._incoming)[4:])
        self._incoming.clear()
        message: Message = decode_message(data, kind)
        return message

    def has_data(self) -> bool:
        """Whether a message, or part of one, has arrived. True if the other process is gone."""
        if self._incoming:
            return True
        try:
            self.sock.settimeout(0)
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _flush(self, deadline: float | None) -> None:
        while self._outgoing:
            try:
                self.sock.settimeout(_left(deadline))
                self._outgoing = self._outgoing[self.sock.send(self._outgoing) :]
            except TimeoutError:
                raise DeadlineExceeded("the other process did not read the message in time") from None
            except OSError as error:
                raise ChannelClosed(f"the other process is gone ({error.strerror})") from None

    def _fill(self, length: int, deadline: float | None) -> None:
        """Read until `length` bytes of the frame are there, and not one more."""
        while len(self._incoming) < length:
            try:
                self.sock.settimeout(_left(deadline))
                part = self.sock.recv(min(length - len(self._incoming), 2**20))
            except TimeoutError:
                raise DeadlineExceeded("no complete message before the deadline") from None
            except OSError as error:
                raise ChannelClosed(f"the other process is gone ({error.strerror})") from None
            if not part:
                raise ChannelClosed("the other process is gone")
            self._incoming += part

    def close(self) -> None:
        """Close the connection; a wait in another thread ends with ChannelClosed."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def drop(self) -> None:
        """In a forked child, close the socket without ending the parent's connection."""
        self.sock.close()


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _left(deadline: float | None) -> float | None:
    """The seconds until the deadline. Raises TimeoutError if it has passed."""
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
