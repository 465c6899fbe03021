"""One submission's process, seen from the grader: its notebook's cells, and the side that answers questions.

Everything that comes back is decoded as data with a deadline.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from autograder.inside.messages import (
    CELL_OUTPUT_BYTES,
    Answered,
    CellDone,
    Describe,
    Described,
    EndFork,
    Fork,
    Forked,
    Question,
    Reply,
    RunCell,
    Serve,
    StopServing,
    Untouched,
)
from autograder.sides import Side, StudentLost
from autograder.wire import MAX_FRAME, Channel, Closed, Late, WireError

ANSWER_SECONDS = 20.0
CELL_FRAME = 8 * CELL_OUTPUT_BYTES  # a character of the outputs may take four bytes


@dataclass
class Copy:
    """A fork of the notebook's process that answers one exercise's questions."""

    side: RemoteSide
    pid: int


class RemoteSide(Side):
    """The student's notebook, behind a channel."""

    def __init__(self, channel: Channel, seconds: float) -> None:
        super().__init__()
        self.channel = channel
        self.seconds = seconds
        self.deadline = math.inf
        """On the monotonic clock: the end of the exercise's time, whatever one question may take."""
        self.lost = False

    def untouched(self) -> bool:
        """Whether the questions so far have left the notebook as it was, as far as the process tells."""
        try:
            reply = self._ask(Untouched(next(self._ids)))
        except StudentLost:
            return False
        return isinstance(reply, Answered) and reply.value is True

    def _ask(self, question: Question | Untouched) -> Reply:
        seconds = min(self.seconds, self.deadline - time.monotonic())
        if seconds <= 0:
            raise StudentLost("timeout", "Not asked: this exercise had used up its time")
        try:
            self.channel.send(question, seconds)
            reply: Reply = self.channel.receive(Reply, seconds)
        except Late:
            self.lost = True
            raise StudentLost("timeout", f"Your code was still running after {seconds:.3g} s") from None
        except Closed:
            self.lost = True
            text = "Your code ended the Python process (an exit, a crash, far too much memory or disk)"
            raise StudentLost("raised", text) from None
        except WireError as error:
            self.lost = True
            raise StudentLost("wrong", f"What came back cannot be read: {error}") from None
        if reply.id != question.id:
            self.lost = True
            raise StudentLost("wrong", "What came back answers another question")
        return reply


class StudentProcess:
    """One submission's notebook, running in a process of its own that a nursery made."""

    def __init__(self, channel: Channel, question_seconds: float, interrupt: Callable[[], None]) -> None:
        channel.max_frame = CELL_FRAME
        self.channel = channel
        self.question_seconds = question_seconds
        self.interrupt = interrupt
        self.serving: RemoteSide | None = None

    def run_cell(self, cell: RunCell, seconds: float, grace: float) -> tuple[CellDone, bool]:
        """Run a cell; over its time it is interrupted, and given `grace` seconds to stop.

        Returns what it put out and whether it was interrupted.

        Raises Late when it does not, Closed when the process is gone, WireError for anything else.
        """
        self.channel.send(cell, ANSWER_SECONDS)
        interrupted = False
        try:
            done: CellDone = self.channel.receive(CellDone, seconds)
        except Late:
            interrupted = True
            self.interrupt()
            done = self.channel.receive(CellDone, grace)
        if done.number != cell.number:
            raise WireError("the process answers for another cell")
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
        return Copy(RemoteSide(Channel(ours), self.question_seconds), forked.pid)

    def end_fork(self, copy: Copy) -> None:
        copy.side.channel.close()
        self.channel.send(EndFork(copy.pid), ANSWER_SECONDS)
        self.channel.receive(Forked, ANSWER_SECONDS)

    def serve(self, names: str = "") -> RemoteSide:
        """Let this very process answer, where forking is not safe; with `names` as a fork does."""
        self.channel.send(Serve(names), ANSWER_SECONDS)
        self.channel.max_frame = MAX_FRAME
        self.serving = RemoteSide(self.channel, self.question_seconds)
        return self.serving

    def stop_serving(self) -> None:
        """Let the process go back to cells and forks; a side that was lost has lost the process."""
        self.channel.send(StopServing(), ANSWER_SECONDS)
        self.channel.max_frame = CELL_FRAME
        self.serving = None

    @contextmanager
    def answering(self, names: str = "") -> Iterator[RemoteSide]:
        """A side for trusted code, which need not be kept from the next one: a fork, or this very process."""
        if self.forkable():
            copy = self.fork(names)
            try:
                yield copy.side
            finally:
                self.end_fork(copy)
        else:
            side = self.serve(names)
            try:
                yield side
            finally:
                if not side.lost:
                    self.stop_serving()


def send_descriptor(channel: Channel, theirs: socket.socket) -> None:
    """Hand over one end of a fresh socket; the single byte carries it."""
    try:
        socket.send_fds(channel.sock, [b"."], [theirs.fileno()])
    except OSError as error:
        raise Closed(f"the other side is gone ({error.strerror})") from None
    finally:
        theirs.close()
