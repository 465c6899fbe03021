"""What every launcher does: start one student's process at a time, interrupt it, and kill all of it."""

from __future__ import annotations

import os
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

import msgspec

import autograder
from autograder.core.errors import CourseError
from autograder.core.limits import MIB, Limits
from autograder.core.records import SubmittedFile
from autograder.process.ending import KILLED, Ending, ending_of, out_of_memory_kills
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import Channel, ProtocolError
from autograder.protocol.messages import PutFile, Start, Started
from autograder.protocol.socket_inheritance import last_line
from autograder.sandbox.capabilities import Capabilities

START_SECONDS = 180.0
START_NOTEBOOK_SECONDS = 60.0
PART_BYTES = 4 * MIB
"""How much of a file one message carries."""
PACKAGE = Path(autograder.__file__).parent


class LauncherError(CourseError):
    """The process for students failed: an internal error, never the student's fault."""


class Launcher(ABC):
    """Serves one submission at a time. A class is graded by several workers, each with its own launcher."""

    def __init__(
        self, limits: Limits, device: str, capabilities: Capabilities, materials: Sequence[Path]
    ) -> None:
        self.limits = limits
        self.device = device
        self.capabilities = capabilities
        self.materials = [path.resolve() for path in materials]
        """Files and folders to put next to the notebook, as they are on a student's disk."""
        self.files: Sequence[SubmittedFile] = ()
        """What the current submission has beside its notebook, in each of its processes."""
        self.gpu_hidden = False
        """Whether the next process sees no GPU, although the device is "cuda"."""
        self.deaths = 0
        """How often the launcher's own process died; whatever failed with it is not the student's fault."""
        self._kills_before = 0
        self._log = TemporaryFile()  # noqa: SIM115  lives as long as this object

    @abstractmethod
    def start(self) -> None:
        """Begin the slow part of starting, without waiting for it."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until `spawn` can return at once. Raises LauncherError on failure."""

    @abstractmethod
    def spawn(self, seed: int, request_seconds: float) -> StudentProcess:
        """Start a student's process; it has `request_seconds` to answer each request.

        Raises LauncherError on failure.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """Interrupt the student's process, as Ctrl-C does."""

    @abstractmethod
    def kill_tree(self) -> tuple[int, str]:
        """Kill everything the submission left behind.

        Returns the signal that had ended its process, or 0, and the limit for which it was killed, if any.
        """

    def watch(self, process: StudentProcess) -> StudentProcess:
        """Have the process that was just started ask this launcher how it or a fork of it ended."""
        self._kills_before = out_of_memory_kills()
        process.ending = self._ending
        return process

    def _ending(self, fork_signal: int | None = None) -> Ending:
        """How the submission's process ended, which is gone, or else a fork of it that a signal ended."""
        number, over = self.kill_tree() if fork_signal is None else (fork_signal, "")
        if not over and number == KILLED and out_of_memory_kills() > self._kills_before:
            over = "memory"
        return ending_of(number, over, self.limits)

    @abstractmethod
    def close(self) -> None:
        """End every process of this launcher."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _start_notebook(self, channel: Channel) -> None:
        """Put the submission's files beside the notebook, and wait until its process is ready for cells."""
        for file in self.files:
            for begin in range(0, len(file.data) or 1, PART_BYTES):
                part = file.data[begin : begin + PART_BYTES]
                channel.send(PutFile(file.path, part), START_NOTEBOOK_SECONDS)
        channel.send(Start(), START_NOTEBOOK_SECONDS)
        channel.receive(Started, START_NOTEBOOK_SECONDS)

    def _failure(self, what: str, error: ProtocolError) -> LauncherError:
        """Close, and make an error with the last line that the process wrote to stderr."""
        self.close()
        return LauncherError(f"the process for students {what} ({last_line(self._log) or error})")

    def _settings(self, materials: Sequence[Path] = ()) -> str:
        """The settings of a process for students, as one argument of its command line."""
        shown = [str(path) for path in materials]
        return msgspec.json.encode(
            {"capabilities": self.capabilities, "limits": self.limits, "materials": shown}
        ).decode()

    def _environment(self) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        scripts = os.path.dirname(sys.executable)  # `!python helper.py` means this one
        env = threads | {
            "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student",
            "MPLBACKEND": "agg",
        }  # fmt: skip
        if self.device == "cpu":
            env["CUDA_VISIBLE_DEVICES"] = ""
        return env


def copy_materials(materials: Sequence[Path], folder: Path) -> None:
    """Copy materials next to the notebook, where the sandbox cannot mount them."""
    for path in materials:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)
