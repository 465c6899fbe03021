"""A proxy whose process is lost: it says so at once, and asks nothing more."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from autograder.process.proxy import StudentLost
from autograder.process.remote_proxy import RemoteProxy
from autograder.protocol.channel import Channel
from autograder.protocol.messages import Fetch, ValueResponse


@pytest.fixture
def ends() -> Iterator[tuple[RemoteProxy, Channel]]:
    """A proxy that waits for 0.2 s, and the student's end of its channel."""
    grader, student = (Channel(sock) for sock in socket.socketpair())
    yield RemoteProxy(grader, 0.2), student
    grader.close()
    student.close()


def lost(proxy: RemoteProxy) -> tuple[str, str]:
    with pytest.raises(StudentLost) as error:
        proxy.value("x")
    return error.value.fault, str(error.value)


def test_a_late_answer_is_not_taken_for_the_answer_to_the_next_request(
    ends: tuple[RemoteProxy, Channel],
) -> None:
    proxy, student = ends
    first = lost(proxy)
    assert first[0] == "timeout"
    assert student.receive(Fetch, 1).name == "x"
    for number in (1, 2):
        student.send(ValueResponse(number, 5, []))
    assert lost(proxy) == first
    assert not student.has_data(), "a lost process is asked"
    assert not proxy.untouched()


@pytest.mark.parametrize("answer", [ValueResponse(9, 5, []), "nonsense", None])
def test_every_request_after_a_loss_fails_like_the_first(
    ends: tuple[RemoteProxy, Channel], answer: object
) -> None:
    proxy, student = ends
    if answer is None:
        student.close()
    else:
        student.send(answer)
    first = lost(proxy)
    assert proxy.lost
    if answer is not None:
        student.send(ValueResponse(2, 5, []))
    assert lost(proxy) == first
