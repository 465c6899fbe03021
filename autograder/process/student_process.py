"""One submission's process, seen from the grader: its notebook's cells, and the side that answers questions.

Everything that comes back is decoded as data with a deadline.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autograder.process.remote_proxy import RemoteProxy
from autograder.protocol.channel import MAX_FRAME, Channel, ChannelClosed, DeadlineExceeded, ProtocolError
from autograder.protocol.messages import (
    CELL_OUTPUT_BYTES,
    CellDone,
    Describe,
    Described,
    EndFork,
    Fork,
    Forked,
    RunCell,
    Serve,
    StopServing,
)

ANSWER_SECONDS = 20.0
CELL_FRAME = 8 * CELL_OUTPUT_BYTES  # a character of the outputs may take four bytes


@dataclass
class Copy:
    """A fork of the notebook's process that answers one exercise's questions."""

    proxy: RemoteProxy
    pid: int


class StudentProcess:
    """One submission's notebook, running in a process of its own that a launcher made."""

    def __init__(self, channel: Channel, question_seconds: float, interrupt: Callable[[], None]) -> None:
        channel.max_frame = CELL_FRAME
        self.channel = channel
        self.question_seconds = question_seconds
        self.interrupt = interrupt
        self.serving: RemoteProxy | None = None

    def run_cell(self, cell: RunCell, seconds: float, grace: float) -> tuple[CellDone, bool]:
        """Run a cell; over its time it is interrupted, and given `grace` seconds to stop.

        Returns what it put out and whether it was interrupted.

        Raises DeadlineExceeded when it does not, ChannelClosed when the process is gone, ProtocolError for anything else.
        """
        self.channel.send(cell, ANSWER_SECONDS)
        interrupted = False
        try:
            done: CellDone = self.channel.receive(CellDone, seconds)
        except DeadlineExceeded:
            interrupted = True
            self.interrupt()
            done = self.channel.receive(CellDone, grace)
        if done.number != cell.number:
            raise ProtocolError("the process answers for another cell")
        return done, interrupted

    def forkable(self) -> bool:
        self.channel.send(Describe(), ANSWER_SECONDS)
        described: Described = self.channel.receive(Described, ANSWER_SECONDS)
        return described.forkable

    def fork(self, names: str = "") -> Copy:
        """A copy of the notebook's state, for one exercise; it answers with `names` (see Fork)."""
        ours, theirs = socket.socketpair()
        self.channel.send(Fork(names), ANSWER_SECONDS)
        send_descriptor(self.channel, theirs)
        forked: Forked = self.channel.receive(Forked, ANSWER_SECONDS)
        return Copy(RemoteProxy(Channel(ours), self.question_seconds), forked.pid)

    def end_fork(self, copy: Copy) -> None:
        copy.proxy.channel.close()
        self.channel.send(EndFork(copy.pid), ANSWER_SECONDS)
        self.channel.receive(Forked, ANSWER_SECONDS)

    def serve(self, names: str = "") -> RemoteProxy:
        """Let this very process answer, where forking is not safe; with `names` as a fork does."""
        self.channel.send(Serve(names), ANSWER_SECONDS)
        self.channel.max_frame = MAX_FRAME
        self.serving = RemoteProxy(self.channel, self.question_seconds)
        return self.serving

    def stop_serving(self) -> None:
        """Let the process go back to cells and forks; a side that was lost has lost the process."""
        self.channel.send(StopServing(), ANSWER_SECONDS)
        self.channel.max_frame = CELL_FRAME
        self.serving = None

    @contextmanager
    def answering(self, names: str = "") -> Iterator[RemoteProxy]:
        """A side for trusted code, which need not be kept from the next one: a fork, or this very process."""
        if self.forkable():
            copy = self.fork(names)
            try:
                yield copy.proxy
            finally:
                self.end_fork(copy)
        else:
            proxy = self.serve(names)
            try:
                yield proxy
            finally:
                if not proxy.lost:
                    self.stop_serving()


def send_descriptor(channel: Channel, theirs: socket.socket) -> None:
    """Hand over one end of a fresh socket; the single byte carries it."""
    try:
        socket.send_fds(channel.sock, [b"."], [theirs.fileno()])
    except OSError as error:
        raise ChannelClosed(f"the other side is gone ({error.strerror})") from None
    finally:
        theirs.close()
