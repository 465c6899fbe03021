"""The grader's side of the warm process: start it, spawn students from it, and end them.

One nursery serves one submission at a time; a class is graded with several nurseries, each in a worker
of its own. Everything that comes back is decoded as data with a deadline.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir
from typing import Any

import msgspec

import autograder
from autograder.errors import CourseError
from autograder.inside.messages import (
    CELL_OUTPUT_BYTES,
    Answered,
    CellDone,
    Describe,
    Described,
    EndFork,
    Fork,
    Forked,
    Interrupt,
    Question,
    Ready,
    Reply,
    RunCell,
    Serve,
    Spawn,
    Spawned,
    Sweep,
    Swept,
    Untouched,
)
from autograder.sandbox import SLOTS, Form, Limits, cgroup, launch, probe, system_paths
from autograder.sandbox.view import closed_folder
from autograder.sides import Side, StudentLost
from autograder.wire import MAX_FRAME, Channel, Closed, Late, WireError

START_SECONDS = 180.0
ANSWER_SECONDS = 20.0
CELL_FRAME = 8 * CELL_OUTPUT_BYTES  # a character of the outputs may take four bytes
PACKAGE = Path(autograder.__file__).parent
VISIBLE = ("__init__.py", "values.py", "wire.py", "inside", "sandbox")


class NurseryError(CourseError):
    """The warm process does not do its work: our fault, never the student's."""


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
            text = "Your code ended the Python process (an exit, a crash, or far too much memory)"
            raise StudentLost("raised", text) from None
        except WireError as error:
            self.lost = True
            raise StudentLost("wrong", f"What came back cannot be read: {error}") from None
        if reply.id != question.id:
            self.lost = True
            raise StudentLost("wrong", "What came back answers another question")
        return reply


class StudentProcess:
    """One submission's notebook, running in a fork of the warm process."""

    def __init__(self, nursery: Nursery, channel: Channel, question_seconds: float) -> None:
        self.nursery = nursery
        self.channel = channel
        self.question_seconds = question_seconds
        self.serving = False

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
            self.nursery.interrupt()
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
        _send_descriptor(self.channel, theirs)
        forked: Forked = self.channel.receive(Forked, ANSWER_SECONDS)
        return Copy(RemoteSide(Channel(ours), self.question_seconds), forked.pid)

    def end_fork(self, copy: Copy) -> None:
        copy.side.channel.close()
        self.channel.send(EndFork(copy.pid), ANSWER_SECONDS)
        self.channel.receive(Forked, ANSWER_SECONDS)

    def serve(self) -> RemoteSide:
        """Let this very process answer, where forking is not safe."""
        self.channel.send(Serve(), ANSWER_SECONDS)
        self.channel.max_frame = MAX_FRAME
        self.serving = True
        return RemoteSide(self.channel, self.question_seconds)


class Nursery:
    """Starts the warm process when it is first needed, and again when it was lost."""

    def __init__(
        self,
        limits: Limits,
        device: str = "cpu",
        form: Form | None = None,
        materials: Sequence[Path] = (),
        slots: range = range(SLOTS),
    ) -> None:
        self.limits = limits
        self.device = device
        self.materials = [path.resolve() for path in materials]
        """Files and folders that lie beside the notebook when it runs, as they do on a student's disk."""
        self.form = form or probe()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._scratch: TemporaryDirectory[str] | None = None
        self._group: Path | None = None
        # Uids are taken in turn, so that nothing of one submission belongs to the next; another grader on
        # this machine has most likely begun elsewhere.
        self._slots = itertools.islice(itertools.cycle(slots), secrets.randbelow(len(slots)), None)
        self.deaths = 0
        """How often a warm process was lost; what it was doing then says nothing of the student."""
        self._log = TemporaryFile()  # noqa: SIM115  it lives as long as this object

    def start(self) -> None:
        """Start the warm process without waiting for its imports."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.deaths += 1
        self.close()
        ours, theirs = socket.socketpair()
        descriptor = theirs.fileno()
        shown = self.materials if self.form.mount else []
        settings = msgspec.json.encode(
            {"form": self.form, "limits": self.limits, "materials": [str(path) for path in shown]}
        ).decode()
        argv = [sys.executable, "-s", "-P", "-c", _START, str(descriptor), settings]
        readable = [*system_paths(), *(PACKAGE / name for name in VISIBLE), *shown]
        if self.form.cgroup:
            self._group = cgroup.make(cgroup.WARM_BYTES + self.limits.total_bytes)
        self._process = launch(
            argv, form=self.form, readable=readable, pass_fds=[descriptor], env=self._environment(),
            group=self._group, stderr=self._log,
        )  # fmt: skip
        theirs.close()
        self._channel = Channel(ours)
        self._started = time.monotonic()

    def wait(self) -> None:
        """Wait until the warm process has started. Raises NurseryError when it does not."""
        self.start()
        self._ready_channel()

    def _environment(self) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        env = threads | {
            "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "USER": "student",
            "MPLCONFIGDIR": "/tmp", "IPYTHONDIR": "/tmp", "MPLBACKEND": "agg", "TMPDIR": "/tmp",
        }  # fmt: skip
        if self.device == "cpu":
            env["CUDA_VISIBLE_DEVICES"] = ""
        return env

    def spawn(self, seed: int, question_seconds: float) -> StudentProcess:
        """Fork a student from the warm process."""
        self.start()
        channel = self._ready_channel()
        ours, theirs = socket.socketpair()
        self._scratch = None if self.form.mount else _scratch_folder(self.form)
        scratch = self._scratch.name if self._scratch else ""
        if scratch:
            _copy_materials(self.materials, Path(scratch))
        try:
            channel.send(Spawn(seed, next(self._slots), scratch), ANSWER_SECONDS)
            _send_descriptor(channel, theirs)
            channel.receive(Spawned, ANSWER_SECONDS)
        except WireError as error:
            raise self._trouble("did not start a student", error) from None
        return StudentProcess(self, Channel(ours, CELL_FRAME), question_seconds)

    def _ready_channel(self) -> Channel:
        assert self._channel is not None
        if self._started:
            try:
                self._channel.receive(Ready, START_SECONDS)
            except WireError as error:
                raise self._trouble("did not start", error) from None
            self._started = 0.0
        return self._channel

    def _trouble(self, what: str, error: WireError) -> NurseryError:
        """Our fault, with the last line that the warm process wrote of it."""
        self.close()
        self._log.seek(0)
        lines = self._log.read()[-4000:].decode(errors="replace").strip().splitlines()
        return NurseryError(f"the warm process {what} ({lines[-1] if lines else error})")

    def interrupt(self) -> None:
        if self._channel is not None:
            self._channel.send(Interrupt(), ANSWER_SECONDS)

    def sweep(self) -> None:
        """End everything the submission left behind; a warm process that cannot is replaced."""
        if self._channel is None:
            return
        try:
            self._channel.send(Sweep(), ANSWER_SECONDS)
            self._channel.receive(Swept, ANSWER_SECONDS)
        except WireError:
            self.deaths += 1
            self.close()
        if self._scratch is not None:
            with contextlib.suppress(OSError):
                self._scratch.cleanup()
            self._scratch = None

    def close(self) -> None:
        """End the warm process and everything under it."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._group is not None:
            cgroup.remove(self._group)
            self._group = None

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


_START = """
import sys, msgspec
from autograder.inside.warm import main
from autograder.sandbox import Form, Limits
class Settings(msgspec.Struct):
    form: Form
    limits: Limits
    materials: list[str]
settings = msgspec.json.decode(sys.argv[2], type=Settings)
main(int(sys.argv[1]), settings.form, settings.limits, settings.materials)
"""


def _scratch_folder(form: Form) -> TemporaryDirectory[str]:
    """An empty folder that the student's uid can get to, even where TMPDIR is closed to other users."""
    closed = form.uids and closed_folder([f"{gettempdir()}/x"])
    return TemporaryDirectory(prefix="autograder-", dir="/tmp" if closed else None)


def _copy_materials(materials: Sequence[Path], folder: Path) -> None:
    """Where no file system of the student's own can show them."""
    for path in materials:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)


def _send_descriptor(channel: Channel, theirs: socket.socket) -> None:
    """Hand over one end of a fresh socket; the single byte carries it."""
    try:
        socket.send_fds(channel.sock, [b"."], [theirs.fileno()])
    except OSError as error:
        raise Closed(f"the other side is gone ({error.strerror})") from None
    finally:
        theirs.close()
