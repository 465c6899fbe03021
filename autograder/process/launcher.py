"""What every launcher does: start one student's process at a time, interrupt it, and kill all of it."""

from __future__ import annotations

import os
import shutil
import sys
import threading
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
from autograder.process.card_watch import CardMeter, CardWatch
from autograder.process.ending import DEVICE_MEMORY, KILLED, Ending, ending_of, out_of_memory_kills
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import Channel, ProtocolError
from autograder.protocol.messages import PutFile, Spawn, Start, Started
from autograder.protocol.socket_inheritance import last_line
from autograder.sandbox.capabilities import Capabilities

START_SECONDS = 180.0
START_NOTEBOOK_SECONDS = 60.0
PART_BYTES = 4 * MIB
"""How much of a file one message carries."""
PACKAGE = Path(autograder.__file__).parent
GPU_ENVIRONMENT = {
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # to ask whether there is a GPU does not initialize CUDA
    "NVIDIA_TF32_OVERRIDE": "0",  # for what calls NVIDIA's libraries past PyTorch's own settings
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # without it, torch.use_deterministic_algorithms(True) is an error
    "CUDA_CACHE_DISABLE": "1",  # a cache would lie in the student's folder, and is gone with it
}
PASSED_ON = ("CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH")
"""What else of the grader's environment a student's process needs to find the same GPU."""
STILL_THERE = (
    "A process of this submission did not end when it was killed, most likely because the GPU was still busy"
    " with it."
)
"""For staff. The processes for the next submission are new ones."""


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
        self.device_bytes = limits.device_bytes
        """How much of the card's memory the current submission may use."""
        self.gpu_hidden = False
        """Whether the next process sees no GPU, although the device is "cuda"."""
        self.device_memory = False
        """Whether the current submission has run out of the card's memory."""
        self.device_peak = 0
        """The most bytes of the card's memory that it was seen to hold."""
        self.warnings: list[str] = []
        """What staff should know about the current submission."""
        self.meter = CardMeter() if device == "cuda" else None
        self.deaths = 0
        """How often the launcher's own process died; whatever failed with it is not the student's fault."""
        self._kills_before = 0
        self._card_watch: CardWatch | None = None
        self._lock = threading.RLock()
        """Held while a message goes to the fork server and its answer comes: the card's watch kills, too."""
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
    def _kill_tree(self) -> tuple[int, str]:
        """Kill everything the submission left behind; see kill_tree."""

    @abstractmethod
    def _owns(self, pid: int) -> bool:
        """Whether a process belongs to the current submission."""

    def kill_tree(self) -> tuple[int, str]:
        """Kill everything the submission left behind, and see that it holds none of the card's memory.

        Returns the signal that had ended its process, or 0, and the limit for which it was killed, if any.
        """
        watch, self._card_watch = self._card_watch, None
        if watch is not None:
            watch.stop()
        with self._lock:
            number, over = self._kill_tree()
        if watch is None:
            return number, over
        self.device_peak = max(self.device_peak, watch.peak)
        left = watch.left()
        if left:
            self.warnings.append(f"Its processes still held {left / MIB:.0f} MiB of the GPU after their end.")
        return number, DEVICE_MEMORY if watch.over else over

    def start_submission(self, files: Sequence[SubmittedFile], device_bytes: int) -> None:
        """Forget the previous submission; this one has these files and this much of the card's memory."""
        self.files = files
        self.device_bytes = device_bytes
        self.device_memory = False
        self.device_peak = 0
        self.warnings = []

    @property
    def sentence(self) -> str:
        """What is enforced here, in one line."""
        card = self.meter.sentence(self.limits.device_bytes) if self.meter else ""
        return "; ".join(filter(None, (self.capabilities.sentence, card)))

    def watch(self, process: StudentProcess) -> StudentProcess:
        """Have the process that was just started ask this launcher how it or a fork of it ended."""
        self._kills_before = out_of_memory_kills()
        process.ending = self._ending
        process.out_of_gpu_memory = self._note_device_memory
        if self.meter is not None and self.meter.nvml is not None and not self.gpu_hidden:
            self._card_watch = CardWatch(
                self.meter.nvml, self.device_bytes, self._owns, self._kill_for_memory
            )
            self._card_watch.start()
        return process

    def _kill_for_memory(self) -> None:
        """From the card's watch."""
        with self._lock:
            self._kill_tree()

    def _note_device_memory(self) -> None:
        self.device_memory = True

    def _ending(self, fork_signal: int | None = None) -> Ending:
        """How the submission's process ended, which is gone, or else a fork of it that a signal ended."""
        watch = self._card_watch
        is_fork = fork_signal is not None and not (watch is not None and watch.over)
        number, over = (fork_signal or 0, "") if is_fork else self.kill_tree()
        self.device_memory |= over == DEVICE_MEMORY
        if not over and number == KILLED and out_of_memory_kills() > self._kills_before:
            over = "memory"
        return ending_of(number, over, self.limits, self.device_bytes)

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
        gpu = visible_gpu() if self.device == "cuda" else None
        return msgspec.json.encode(
            {"capabilities": self.capabilities, "limits": self.limits, "materials": shown, "gpu": gpu}
        ).decode()

    def _spawn_message(self, seed: int, slot: int, scratch: str) -> Spawn:
        gpu = self.device == "cuda" and not self.gpu_hidden
        return Spawn(seed, slot, scratch, gpu, self.device_bytes if gpu else 0)

    def _environment(self) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        scripts = os.path.dirname(sys.executable)  # `!python helper.py` means this one
        env = threads | {
            "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": f"{scripts}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student",
            "MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": "",
        }  # fmt: skip
        if self.device == "cuda":
            env |= GPU_ENVIRONMENT | {x: os.environ[x] for x in PASSED_ON if x in os.environ}
        return env


def visible_gpu() -> str:
    """CUDA_VISIBLE_DEVICES of students' processes: the first GPU that this process may see.

    Where there is a sandbox, what it lets through counts instead (GpuPaths.visible).
    """
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]


def copy_materials(materials: Sequence[Path], folder: Path) -> None:
    """Copy materials next to the notebook, where the sandbox cannot mount them."""
    for path in materials:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)
