"""One submission's process as the grader sees it: it runs the notebook's cells and answers requests.

Everything that comes back is decoded as data, with a deadline.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from autograder.process.ending import UNKNOWN, Ending
from autograder.process.remote_proxy import RemoteProxy
from autograder.protocol.channel import MAX_FRAME, Channel, ChannelClosed, DeadlineExceeded, ProtocolError
from autograder.protocol.messages import (
    CELL_OUTPUT_BYTES,
    CellDone,
    EndFork,
    Fork,
    Forked,
    ForkEnded,
    InterruptCell,
    RunCell,
    Serve,
    StopServing,
)

ANSWER_SECONDS = 20.0
CELL_FRAME = 8 * CELL_OUTPUT_BYTES  # a character may take four bytes


class StudentProcess:
    """One submission's notebook, in a process that a launcher started, or in a fork of one."""

    def __init__(
        self,
        channel: Channel,
        request_seconds: float,
        interrupt: Callable[[], None],
        end: Callable[[], int | None] = lambda: None,
    ) -> None:
        channel.max_frame = CELL_FRAME
        self.channel = channel
        self.request_seconds = request_seconds
        self.interrupt = interrupt
        self.serving: RemoteProxy | None = None
        """The proxy while the process answers requests."""
        self.ending: Callable[[int | None], Ending] = lambda _: UNKNOWN
        """Finds out how the launcher's process ended or, with the signal that ended it, a fork."""
        self.out_of_gpu_memory: Callable[[], None] = lambda: None
        """Called when a cell or an answer says that the GPU's memory is full."""
        self._end = end
        self._ended = False

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
            self.channel.send(InterruptCell(cell.number), ANSWER_SECONDS)
            self.interrupt()
            done = self.channel.receive(CellDone, grace)
        if done.number != cell.number:
            raise ProtocolError("an answer for another cell")
        return done, interrupted

    def fork(self) -> StudentProcess | None:
        """Fork the process; None if a fork would not be a faithful copy.

        Raises ProtocolError if the process is gone.
        """
        grader_end, student_end = socket.socketpair()
        self.channel.send(Fork(), ANSWER_SECONDS)
        send_descriptor(self.channel, student_end)
        forked: Forked = self.channel.receive(Forked, ANSWER_SECONDS)
        if not forked.pid:
            grader_end.close()
            return None

        def end() -> int:
            if self.serving:  # it takes no such message now; the closed channel has to do
                return 0
            self.channel.send(EndFork(forked.pid), ANSWER_SECONDS)
            ended: ForkEnded = self.channel.receive(ForkEnded, ANSWER_SECONDS)
            return ended.signal

        fork = StudentProcess(Channel(grader_end), self.request_seconds, self.interrupt, end)
        fork.ending, fork.out_of_gpu_memory = self.ending, self.out_of_gpu_memory
        return fork

    def end(self) -> None:
        """End a fork, whatever it is doing. A process that a launcher started ends with `kill_tree`."""
        with suppress(ProtocolError):  # the process that it was forked from is gone, and all forks with it
            self._end_fork()

    def how_it_ended(self) -> Ending:
        """How the process ended, which is gone: as the process that it was forked from says, if any."""
        try:
            return self.ending(self._end_fork())
        except ProtocolError:
            return self.ending(None)

    def _end_fork(self) -> int | None:
        """End a fork; returns the signal that had ended it, or 0. None if this is no fork."""
        self.channel.close()
        if self._ended:
            return 0
        found = self._end()
        self._ended = found is not None
        return found

    def serve(self, names: str = "") -> RemoteProxy:
        """Have the process answer requests about its names, or about the dict bound to `names` in it."""
        self.channel.send(Serve(names), ANSWER_SECONDS)
        self.channel.max_frame = MAX_FRAME
        self.serving = RemoteProxy(self.channel, self.request_seconds)
        self.serving.how_it_ended = self.how_it_ended
        self.serving.out_of_gpu_memory = self.out_of_gpu_memory
        return self.serving

    def stop_serving(self) -> None:
        """Have the process go back to cells and forks. If the proxy was lost, so is the process."""
        self.channel.send(StopServing(), ANSWER_SECONDS)
        self.channel.max_frame = CELL_FRAME
        self.serving = None

    @contextmanager
    def answering(self, names: str = "") -> Iterator[RemoteProxy]:
        """A proxy for trusted code, which needs no isolation: a fork's or, if that is not safe, its own."""
        fork = self.fork()
        if fork is not None:
            try:
                yield fork.serve(names)
            finally:
                fork.end()
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
