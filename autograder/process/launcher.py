"""What every launcher does: make one student's process at a time, interrupt it, and end all of it."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

import msgspec

import autograder
from autograder.core.errors import CourseError
from autograder.core.limits import Limits
from autograder.process.student_process import StudentProcess
from autograder.protocol.channel import ProtocolError
from autograder.sandbox.capabilities import Capabilities

START_SECONDS = 180.0
PACKAGE = Path(autograder.__file__).parent


class LauncherError(CourseError):
    """A process for students cannot be made: our fault, never the student's."""


class Launcher(ABC):
    """Serves one submission at a time; a class is graded with several, each in a worker of its own."""

    def __init__(
        self, limits: Limits, device: str, capabilities: Capabilities, materials: Sequence[Path]
    ) -> None:
        self.limits = limits
        self.device = device
        self.capabilities = capabilities
        self.materials = [path.resolve() for path in materials]
        """Files and folders that lie beside the notebook when it runs, as they do on a student's disk."""
        self.deaths = 0
        """How often a process of ours was lost; what it was doing then says nothing of the student."""
        self._log = TemporaryFile()  # noqa: SIM115  it lives as long as this object

    @abstractmethod
    def start(self) -> None:
        """Start what takes long without waiting for it."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until a student can be made at once. Raises LauncherError when that does not come about."""

    @abstractmethod
    def spawn(self, seed: int, question_seconds: float) -> StudentProcess:
        """Make a student's process."""

    @abstractmethod
    def interrupt(self) -> None:
        """Tell the student's process what Ctrl-C tells."""

    @abstractmethod
    def kill_tree(self) -> None:
        """End everything the submission left behind."""

    @abstractmethod
    def close(self) -> None:
        """End everything of this launcher."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _trouble(self, what: str, error: ProtocolError) -> LauncherError:
        """Our fault, with the last line that our process wrote of it."""
        self.close()
        return LauncherError(f"the process for students {what} ({last_line(self._log) or error})")

    def _settings(self, materials: Sequence[Path] = ()) -> str:
        """What a process for students has to know, as one word of its command line."""
        shown = [str(path) for path in materials]
        return msgspec.json.encode(
            {"capabilities": self.capabilities, "limits": self.limits, "materials": shown}
        ).decode()

    def _environment(self) -> dict[str, str]:
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        env = threads | {
            "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "student", "MPLBACKEND": "agg",
        }  # fmt: skip
        if self.device == "cpu":
            env["CUDA_VISIBLE_DEVICES"] = ""
        return env


def last_line(log: IO[bytes]) -> str:
    """The last line that a process wrote on stderr, where Python says what went wrong."""
    log.seek(0)
    lines = log.read()[-4000:].decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def copy_materials(materials: Sequence[Path], folder: Path) -> None:
    """Where no file system of the student's own can show them."""
    for path in materials:
        if path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)
