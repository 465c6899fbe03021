"""SIGINT in the student's process: it interrupts the cell that the grader means, and nothing else."""

from __future__ import annotations

import os
import signal
from typing import Any

from autograder.protocol.channel import Channel, ProtocolError
from autograder.protocol.messages import InterruptCell

_SECONDS = 1.0


class Interrupts:
    """Turns a signal into KeyboardInterrupt only while the cell runs that it was sent for.

    A signal can arrive late: when its cell has ended, and the next one may be running. It has no room for a
    number, so the grader first sends InterruptCell on the channel, which nobody else reads while a cell runs.
    """

    def __init__(self) -> None:
        self._channel: Channel | None = None
        self._cell = -1
        self._late = 0
        """Signals that may still come for cells that have ended."""
        self._pid = os.getpid()

    def start(self, channel: Channel, cell: int) -> None:
        """Let the cell be interrupted from now on."""
        self._pid = os.getpid()
        signal.signal(signal.SIGINT, self._handle)  # an earlier cell may have installed its own
        self._channel, self._cell = channel, cell

    def stop(self) -> None:
        """Let nothing be interrupted from now on."""
        self._channel = None
        signal.signal(signal.SIGINT, self._handle)

    def missed(self) -> None:
        """Note that InterruptCell arrived after its cell had ended."""
        self._late += 1

    def _handle(self, *_: Any) -> None:
        if os.getpid() != self._pid:  # a process that the notebook started: the channel is not its own
            raise KeyboardInterrupt
        if self._channel is None:
            self._late = max(0, self._late - 1)
        elif not self._channel.has_data():
            if not self._late:
                raise KeyboardInterrupt  # the notebook's own doing
            self._late -= 1
        elif self._is_meant(self._channel):
            raise KeyboardInterrupt

    def _is_meant(self, channel: Channel) -> bool:
        try:
            message: InterruptCell = channel.receive(InterruptCell, _SECONDS)
        except ProtocolError:  # the grader has hung up
            return True
        return message.number == self._cell
