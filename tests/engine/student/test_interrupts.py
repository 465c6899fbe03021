"""SIGINT interrupts the cell that it was sent for, and no other; nothing between cells."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from autograder.core.records import CodeCell
from autograder.core.settings import TimeLimits
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.process.run_cells import run_cells
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import Channel
from autograder.protocol.messages import InterruptCell
from autograder.student.interrupts import Interrupts
from tests.engine.process.cells import LIMITS, only, run, text


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with launcher_for(LIMITS) as launcher:
        yield launcher


def test_an_interrupt_that_comes_late_does_not_hit_the_next_cell(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first cell ends by itself just when it is interrupted: the signal arrives in the second."""
    monkeypatch.setattr(launcher, "interrupt", lambda: None)
    run_cell = StudentProcess.run_cell

    def second_is_hit(self: StudentProcess, cell: Any, seconds: float, grace: float) -> Any:
        if cell.number == 1:
            seconds = 60
            threading.Timer(0.3, lambda: type(launcher).interrupt(launcher)).start()
        return run_cell(self, cell, seconds, grace)

    monkeypatch.setattr(StudentProcess, "run_cell", second_is_hit)
    limits = TimeLimits(cell=0.5, grace=30, notebook=120)
    sources = ["import time; time.sleep(1.5); print('first')", "time.sleep(1.5); print('second')"]
    cells = [CodeCell(number, source) for number, source in enumerate(sources)]
    try:
        first, second = run_cells(launcher, cells, 7, limits).cells.values()
    finally:
        launcher.kill_tree()
    assert (text(first), text(second)) == ("first\n", "second\n")
    assert second.note is None


def test_an_interrupt_between_cells_does_not_end_the_process(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_cell = StudentProcess.run_cell

    def interrupted_first(self: StudentProcess, cell: Any, seconds: float, grace: float) -> Any:
        if cell.number:
            self.channel.send(InterruptCell(cell.number - 1))
            launcher.interrupt()
        return run_cell(self, cell, seconds, grace)

    monkeypatch.setattr(StudentProcess, "run_cell", interrupted_first)
    cells = run(launcher, "x = 0", *["x += 1"] * 30, "print(x)")
    assert [cell.note for cell in cells] == [None] * 32
    assert text(cells[-1]) == "30\n"


@pytest.mark.parametrize(
    "source",
    [
        "import signal\nsignal.raise_signal(signal.SIGINT)",
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT); time.sleep(20)",
        "import _thread, time\n_thread.interrupt_main(); time.sleep(20)",
        "import threading, _thread, time\nthreading.Timer(0.1, _thread.interrupt_main).start()\ntime.sleep(20)",
    ],
)
def test_a_notebook_can_interrupt_itself(launcher: Launcher, source: str) -> None:
    cell, after = run(launcher, source, "print('next')")
    assert only(cell, "error").ename == "KeyboardInterrupt"
    assert text(after) == "next\n"


def test_a_process_that_a_notebook_starts_can_be_interrupted(launcher: Launcher) -> None:
    source = (
        "import os, signal, time\npid = os.fork()\nif pid == 0:\n"
        "    try: time.sleep(20)\n    except KeyboardInterrupt: os._exit(5)\n"
        "time.sleep(0.3); os.kill(pid, signal.SIGINT)\nprint(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    assert text(run(launcher, source)[0]) == "5\n"


# -- the handler by itself ---------------------------------------------------------------------------


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """A channel's two ends; afterwards SIGINT is as it was."""
    before = signal.getsignal(signal.SIGINT)
    grader, student = (Channel(sock) for sock in socket.socketpair())
    yield grader, student
    signal.signal(signal.SIGINT, before)
    grader.close()
    student.close()


def test_the_message_decides_which_cell_is_interrupted(ends: tuple[Channel, Channel]) -> None:
    grader, student = ends
    interrupts = Interrupts()
    interrupts.start(student, 4)
    grader.send(InterruptCell(3))
    signal.raise_signal(signal.SIGINT)
    grader.send(InterruptCell(4))
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not student.has_data()


def test_a_signal_whose_message_was_read_between_cells_is_ignored_once(ends: tuple[Channel, Channel]) -> None:
    _, student = ends
    interrupts = Interrupts()
    interrupts.missed()
    interrupts.start(student, 5)
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_nothing_is_interrupted_between_cells(ends: tuple[Channel, Channel]) -> None:
    grader, student = ends
    interrupts = Interrupts()
    interrupts.start(student, 5)
    interrupts.stop()
    grader.send(InterruptCell(5))
    signal.raise_signal(signal.SIGINT)
    assert student.receive(InterruptCell, 1).number == 5
