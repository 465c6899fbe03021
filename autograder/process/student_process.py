"""One submission's process as the grader sees it: it runs the notebook's cells and answers requests.

Everything that comes back is decoded as data, with a deadline.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autograder.process.ending import UNKNOWN, Ending
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
    ForkEnded,
    RunCell,
    Serve,
    StopServing,
)

ANSWER_SECONDS = 20.0
CELL_FRAME = 8 * CELL_OUTPUT_BYTES  # a character may take four bytes


@dataclass
class NotebookFork:
    """A fork of the notebook's process that answers requests."""

    proxy: RemoteProxy
    pid: int
    ended: bool = False


class StudentProcess:
    """One submission's notebook, in a process that a launcher started."""

    def __init__(self, channel: Channel, request_seconds: float, interrupt: Callable[[], None]) -> None:
        channel.max_frame = CELL_FRAME
        self.channel = channel
        self.request_seconds = request_seconds
        self.interrupt = interrupt
        self.serving: RemoteProxy | None = None
        """The proxy while the process itself, rather than a fork of it, answers requests."""
        self.ending: Callable[[int | None], Ending] = lambda _: UNKNOWN
        """Finds out how this process ended or, with the signal that ended it, a fork."""

    def run_cell(self, cell: RunCell, seconds: float, grace: float) -> tuple[CellDone, bool]:
        """Run a cell; after `seconds`, interrupt it and give it `grace` seconds to stop.

        Returns its outputs and whether it was interrupted. Raises DeadlineExceeded if it does not stop,
        ChannelClosed if the process is gone, and ProtocolError if its answer is invalid.
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
            raise ProtocolError("an answer for another cell")
        return done, interrupted

    def forkable(self) -> bool:
        """Whether the process can be forked safely."""
        self.channel.send(Describe(), ANSWER_SECONDS)
        described: Described = self.channel.receive(Described, ANSWER_SECONDS)
        return described.forkable

    def fork(self, names: str = "") -> NotebookFork:
        """Fork the notebook's process; the fork answers requests about `names` (see Fork)."""
        grader_end, student_end = socket.socketpair()
        self.channel.send(Fork(names), ANSWER_SECONDS)
        send_descriptor(self.channel, student_end)
        forked: Forked = self.channel.receive(Forked, ANSWER_SECONDS)
        fork = NotebookFork(RemoteProxy(Channel(grader_end), self.request_seconds), forked.pid)
        fork.proxy.how_it_ended = lambda: self._fork_ending(fork)
        return fork

    def end_fork(self, fork: NotebookFork) -> int:
        """End a fork. Returns the signal that ended it, or 0."""
        fork.proxy.channel.close()
        if fork.ended:
            return 0
        fork.ended = True
        self.channel.send(EndFork(fork.pid), ANSWER_SECONDS)
        ended: ForkEnded = self.channel.receive(ForkEnded, ANSWER_SECONDS)
        return ended.signal

    def _fork_ending(self, fork: NotebookFork) -> Ending:
        """How a fork ended: as this process says, or as this process itself did."""
        try:
            return self.ending(self.end_fork(fork))
        except ProtocolError:
            return self.ending(None)

    def serve(self, names: str = "") -> RemoteProxy:
        """Have the process itself answer requests, where forking is not safe; `names` as for a fork."""
        self.channel.send(Serve(names), ANSWER_SECONDS)
        self.channel.max_frame = MAX_FRAME
        self.serving = RemoteProxy(self.channel, self.request_seconds)
        self.serving.how_it_ended = lambda: self.ending(None)
        return self.serving

    def stop_serving(self) -> None:
        """Have the process go back to cells and forks. If the proxy was lost, so is the process."""
        self.channel.send(StopServing(), ANSWER_SECONDS)
        self.channel.max_frame = CELL_FRAME
        self.serving = None

    @contextmanager
    def answering(self, names: str = "") -> Iterator[RemoteProxy]:
        """A proxy for trusted code, which needs no isolation: a fork, or the process itself."""
        if self.forkable():
            fork = self.fork(names)
            try:
                yield fork.proxy
            finally:
                self.end_fork(fork)
        else:
            proxy = self.serve(names)
            try:
                yield proxy
            finally:
                if not proxy.lost:
                    self.stop_serving()


def send_descriptor(channel: Channel, end: socket.socket) -> None:
    """Send one end of a socket pair, and close it here. Raises ChannelClosed if the other process is gone."""
    try:
        socket.send_fds(channel.sock, [b"."], [end.fileno()])  # a descriptor needs a byte to travel with
    except OSError as error:
        raise ChannelClosed(f"the other process is gone ({error.strerror})") from None
    finally:
        end.close()
