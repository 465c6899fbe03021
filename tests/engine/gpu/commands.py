"""Run `autograder` as its users do, in a part of `make gpu`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.engine.gpu.machine import CARD_FILE, ROOT, environment, last_line
from tests.engine.gpu.memory import Nvml


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def why(self) -> str:
        """What it said last."""
        return last_line(self.stderr) or last_line(self.stdout) or "it said nothing"


def autograder(*words: object) -> list[str]:
    """The command line."""
    return [sys.executable, "-m", "autograder", *map(str, words)]


def run(line: Sequence[str]) -> Done:
    """Run a command to its end, and repeat each line at once: a part that is stopped leaves what it said."""
    start = time.monotonic()
    print("$", *line[1:], flush=True)
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        line, cwd=ROOT, env=environment(), stdout=pipe, stderr=pipe, text=True, errors="replace"
    )
    with ThreadPoolExecutor() as threads:
        said = list(threads.map(_repeat, [process.stdout, process.stderr]))
    code = process.wait()
    print("exit code", code, flush=True)
    return Done(code, *said, time.monotonic() - start)


def _repeat(stream: IO[str] | None) -> str:
    assert stream is not None
    lines = []
    for line in stream:
        print(line, end="", flush=True)
        lines.append(line)
    return "".join(lines)


def results_in(file: Path, key: str) -> list[dict[str, Any]] | None:
    """What a command's `--json` file holds; None if there is none."""
    if not file.exists():
        return None
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))[key]
    return found


def card_in(folder: Path) -> dict[str, Any]:
    """The card that the run has found, see machine.py."""
    found: dict[str, Any] = json.loads((folder / CARD_FILE).read_text(encoding="utf-8"))
    return found


def gauge(folder: Path) -> Nvml:
    """The run's card, as NVML shows it."""
    return Nvml(card_in(folder)["uuid"])
