"""Everything that needs a GPU, in under six minutes: prints one table and writes it into docs/gpu.md.

    make gpu                                    with .venv, or else with python3
    make gpu GPU_PYTHON=/path/to/python3        with another Python that has PyTorch
    python -m tests.engine.gpu.run [PART ...]   only these parts; docs/gpu.md is left as it is

Nothing is installed or fetched: the package is taken from this source tree. Each part is a program of its own
with a time limit, so one that fails, hangs or lacks a package does not keep the others from running.

Exit codes: 0 everything passed; 1 something failed or could not run; 2 there is no GPU, or no usable Python.
This module is read by old Pythons, too, to say in one sentence that they are too old.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence  # noqa: UP035  an old Python reads this too

from tests.engine.gpu import machine
from tests.engine.gpu.figures import markdown, write_figures
from tests.engine.gpu.processes import kill_tree
from tests.engine.gpu.record import Record, read_record

PAGE = machine.ROOT / "docs" / "gpu.md"
TOTAL_SECONDS = 345.0
"""All parts together."""
TAIL_LINES = 25
NO_GPU = 2


@dataclass(frozen=True)
class Part:
    """One program of the run. It gets its folder as its last argument and keeps its Record in NAME.json."""

    name: str
    seconds: float
    """Its own time limit; seconds that earlier parts did not need are added."""
    argv: tuple[str, ...]
    """What this Python is to run."""
    needs: tuple[str, ...] = machine.ENGINE
    """The modules without which it cannot run."""


PARTS = (
    Part("tests", 50.0, ("-m", "tests.engine.gpu.marked_tests"), ("torch", "pytest", "msgspec")),
    Part("class", 110.0, ("-m", "tests.engine.gpu.sample_class")),
    Part("endings", 95.0, ("-m", "tests.engine.gpu.endings")),
    Part("check", 90.0, ("-m", "tests.engine.gpu.graders")),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a part: `result` is its first row in the table."""

    part: Part
    passed: bool
    result: str
    record: Record

    def rows(self) -> list[tuple[str, str, str]]:
        figures = [("result", self.result), *self.record.figures]
        problems = [("problem", sentence) for sentence in self.record.problems]
        return [(self.part.name, what, value) for what, value in (*figures, *problems)]


def run_part(part: Part, folder: Path, seconds: float) -> Outcome:
    """Run one part, at most so long. Whatever goes wrong becomes its outcome."""
    lacking = machine.missing(part.needs)
    file = folder / f"{part.name}.json"
    if lacking:
        return Outcome(part, False, f"not run: this Python lacks {machine.to_install(lacking)}", Record(file))
    start = time.monotonic()
    log = folder / f"{part.name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *part.argv, str(folder)],
            cwd=machine.ROOT, env=machine.environment(), stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            code = process.wait(timeout=max(0.0, seconds))
        except subprocess.TimeoutExpired:
            code = None
        except BaseException:  # Ctrl-C: nothing of it may go on
            kill_tree(process.pid)
            raise
        if code is None:
            kill_tree(process.pid)
            process.wait()
    took = time.monotonic() - start
    return _outcome(part, code, took, read_record(file), log)


def _outcome(part: Part, code: int | None, took: float, record: Record, log: Path) -> Outcome:
    if code is None:
        return Outcome(part, False, f"stopped after {took:.0f} s: out of time", record)
    if code == 0 and record.figures and not record.problems:
        return Outcome(part, True, f"passed in {took:.0f} s", record)
    if record.problems:
        return Outcome(part, False, f"failed in {took:.0f} s", record)
    why = machine.last_line(log.read_text(encoding="utf-8", errors="replace")) or "it said nothing"
    reason = why if code else "it measured nothing"
    return Outcome(part, False, f"failed in {took:.0f} s with exit code {code}: {reason}", record)


def run_parts(parts: Sequence[Part], folder: Path, total: float = TOTAL_SECONDS) -> list[Outcome]:
    """Run the parts one after another. Each has its own seconds for certain, and what others left over."""
    end = time.monotonic() + total
    outcomes = []
    for number, part in enumerate(parts):
        reserved = sum(later.seconds for later in parts[number + 1 :])
        print(f"{part.name} ...", file=sys.stderr, flush=True)
        outcome = run_part(part, folder, end - time.monotonic() - reserved)
        print(f"{part.name}: {outcome.result}", file=sys.stderr, flush=True)
        if not outcome.passed:
            _print_tail(folder / f"{part.name}.log")
        outcomes.append(outcome)
    return outcomes


def _print_tail(log: Path) -> None:
    """The end of what a failed part said."""
    if log.exists():
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print(*(f"    {line}" for line in lines[-TAIL_LINES:]), sep="\n", file=sys.stderr, flush=True)


def machine_rows(card: dict[str, object]) -> list[tuple[str, str, str]]:
    """When and on what the run was made."""
    from autograder import __version__

    gib = 1 << 30
    values = {
        "date": datetime.date.today().isoformat(),
        "card": f"{card['name']}, {int(str(card['total'])) / gib:.1f} GiB",
        "free at the start": f"{int(str(card['free'])) / gib:.1f} GiB",
        "driver": str(card["driver"] or "unknown"),
        "PyTorch": f"{card['torch']}, CUDA {card['cuda']}",
        "Python": f"{platform.python_version()}, {platform.system()} {platform.release()}",
        "processors": str(os.cpu_count()),
        "autograder": __version__,
    }
    return [("machine", what, value) for what, value in values.items()]


def report(card: dict[str, object], outcomes: Sequence[Outcome], page: Path | None) -> int:
    """Print the table and write it into the page, if anything was measured; returns the exit code."""
    rows = machine_rows(card) + [row for outcome in outcomes for row in outcome.rows()]
    table = markdown(rows)
    print(table, end="")
    code = 0 if all(outcome.passed for outcome in outcomes) else 1
    if page is None:
        return code
    if not any(outcome.record.figures for outcome in outcomes):
        print(f"gpu: nothing was measured, so {page} is left as it is.", file=sys.stderr)
        return 1
    try:
        write_figures(page, table)
    except (OSError, ValueError) as error:
        print(f"gpu: the figures were not written: {error}.", file=sys.stderr)
        return 1
    return code


def chosen(names: Sequence[str]) -> list[Part]:
    """The parts of these names, or all. Raises NoMachine for a name that is none."""
    known = [part.name for part in PARTS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise machine.NoMachine(f"there is no part {unknown[0]!r}: choose from {', '.join(known)}")
    return [part for part in PARTS if not names or part.name in names]


def main(names: Sequence[str]) -> int:
    """Run the parts of these names, or all of them and write docs/gpu.md; returns the exit code."""
    try:
        machine.refuse_old_python()
        parts = chosen(names)
        card = machine.find_card()
    except machine.NoMachine as error:
        print(f"gpu: {error}.", file=sys.stderr)
        return NO_GPU
    folder = Path(tempfile.mkdtemp(prefix="autograder-gpu-"))
    (folder / machine.CARD_FILE).write_text(json.dumps(card), encoding="utf-8")
    print(f"{card['name']}; logs in {folder}", file=sys.stderr, flush=True)
    return report(card, run_parts(parts, folder), None if names else PAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
