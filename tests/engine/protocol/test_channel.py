"""Frames are bounded in size and time, and messages are decoded strictly."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from autograder.protocol.channel import Channel, ChannelClosed, DeadlineExceeded, MessageTooBig, ProtocolError
from autograder.protocol.messages import Response, ValueResponse

Ends = tuple[Channel, Channel]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """The two ends of a channel whose frames hold at most 1000 bytes."""
    grader, student = (Channel(sock, 1000) for sock in socket.socketpair())
    yield grader, student
    grader.close()
    student.close()


@pytest.mark.parametrize("data", [b"\xc1", b"", b"\x91\xc0", b"\xa2\xff\xff", b"\xc0\xc0"])
def test_bytes_that_are_not_a_message(ends: Ends, data: bytes) -> None:
    grader, student = ends
    student.sock.sendall(struct.pack("<I", len(data)) + data)
    with pytest.raises(ProtocolError):
        grader.receive(ValueResponse, 1)


@pytest.mark.parametrize(
    "fields",
    [
        ["ValueResponse", "1", None, []],
        ["ValueResponse", 1.5, None, []],
        ["ValueResponse", 1, None, [1]],
        ["ValueResponse", 1, ["s", "dict", []], []],
        ["ValueResponse", 1, ["?"], []],
        ["ValueResponse", 1, {}, []],
        ["ValueResponse", 1, ["k", 0, "Net", "more"], []],
        ["ValueResponse", 1, None, [], "more"],
        ["ValueResponse", 1],
        ["Fetch", 1, "x"],
    ],
)
def test_messages_are_strict(ends: Ends, fields: list[Any]) -> None:
    grader, student = ends
    student.send(fields)
    with pytest.raises(ProtocolError):
        grader.receive(Response, 1)


def test_messages_arrive_in_order(ends: Ends) -> None:
    grader, student = ends
    for number in (1, 2):
        student.send(ValueResponse(number, None, []), 1)
    assert [grader.receive(Response, 1).id for _ in (1, 2)] == [1, 2]


def test_oversized_messages_are_refused_at_both_ends(ends: Ends) -> None:
    grader, student = ends
    with pytest.raises(MessageTooBig):
        student.send("x" * 1001)
    student.send("x" * 900)
    assert len(grader.receive(str, 1)) == 900
    student.sock.sendall(struct.pack("<I", 1001))  # refused for its length alone: nothing else was sent
    with pytest.raises(MessageTooBig):
        grader.receive(str, 1)


def test_a_message_cut_short(ends: Ends) -> None:
    grader, student = ends
    student.sock.sendall(struct.pack("<I", 10) + b"\xa9abc")
    student.close()
    with pytest.raises(ChannelClosed):
        grader.receive(str, 1)


@pytest.mark.parametrize("message", ["\ud800", {"a": object()}, 2**70])
def test_a_message_that_cannot_be_encoded_sends_nothing(ends: Ends, message: Any) -> None:
    grader, student = ends
    with pytest.raises(ProtocolError):
        student.send(message)
    student.send("after")
    assert grader.receive(str, 1) == "after"


def test_bytes_that_trickle_in_do_not_extend_the_deadline(ends: Ends) -> None:
    grader, student = ends
    stop = threading.Event()

    def trickle() -> None:
        for byte in struct.pack("<I", 900) + b"\xda" + b"a" * 899:
            if stop.wait(0.05):
                return
            student.sock.send(bytes([byte]))

    thread = threading.Thread(target=trickle)
    thread.start()
    start = time.monotonic()
    try:
        with pytest.raises(DeadlineExceeded):
            grader.receive(str, 0.3)
        assert time.monotonic() - start < 0.6
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("arrived", [1, 3, 4, 5, 900])
def test_a_message_that_is_late_arrives_whole_at_the_next_try(ends: Ends, arrived: int) -> None:
    """A cell that is interrupted may have sent half of its outputs by then."""
    grader, student = ends
    frame = struct.pack("<I", 903) + b"\xda\x03\x84" + b"a" * 900
    student.sock.sendall(frame[:arrived])
    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            grader.receive(str, 0.01)
    student.sock.sendall(frame[arrived:])
    student.send("next")
    assert grader.receive(str, 1) == "a" * 900
    assert grader.receive(str, 1) == "next"


def test_a_message_that_could_not_be_sent_in_time_is_not_cut_short(ends: Ends) -> None:
    grader, student = ends
    grader.max_frame = student.max_frame = 2**24
    for _ in range(2):  # the second is not even begun
        with pytest.raises(DeadlineExceeded):
            grader.send("x" * 2**23, 0.05)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.extend(student.receive(str, 20) for _ in range(2)))
    reader.start()
    grader.send("after", 20)
    reader.join()
    assert found == ["x" * 2**23, "after"]


def test_what_follows_an_oversized_message_is_not_taken_for_a_message(ends: Ends) -> None:
    grader, student = ends
    inner = struct.pack("<I", 3) + b"\xa2hi"
    student.sock.sendall(struct.pack("<I", 2000) + inner + b"x" * (2000 - len(inner)))
    for _ in range(2):
        with pytest.raises(MessageTooBig):
            grader.receive(str, 1)


def test_a_channel_says_whether_something_has_arrived(ends: Ends) -> None:
    grader, student = ends
    assert not grader.has_data()
    student.sock.sendall(struct.pack("<I", 3))
    assert grader.has_data()
    with pytest.raises(DeadlineExceeded):
        grader.receive(str, 0.01)
    assert grader.has_data()
    student.sock.sendall(b"\xa2hi")
    assert grader.receive(str, 1) == "hi"
    assert not grader.has_data()
    student.close()
    assert grader.has_data()


def test_a_reader_that_reads_nothing_exceeds_the_deadline(ends: Ends) -> None:
    grader, _ = ends
    grader.max_frame = 2**30
    with pytest.raises(DeadlineExceeded):
        grader.send(b"x" * 2**24, 0.1)


def test_closing_ends_a_wait_in_another_thread(ends: Ends) -> None:
    grader, student = ends
    timer = threading.Timer(0.1, student.close)
    timer.start()
    with pytest.raises(ChannelClosed):
        grader.receive(str, 5)
    timer.join()
    with pytest.raises(ChannelClosed):
        grader.send("x", 1)
