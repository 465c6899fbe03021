"""`autograder check --device cuda` on every exercise: is any sample judged wrongly on the GPU?

python -m tests.engine.gpu.graders FOLDER
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.engine.gpu.commands import Done, autograder, gauge, results_in, run
from tests.engine.gpu.machine import ROOT
from tests.engine.gpu.memory import Gauge, Watch, size
from tests.engine.gpu.record import Record

COUNTS = re.compile(r"false accepts: (\d+)  false rejects: (\d+)")
PROBLEM = re.compile(r"^autograder: ((?:false|internal)\b.*)", re.M)
SHOWN = 5


def record_check(record: Record, done: Done, exercises: Sequence[dict[str, Any]] | None) -> None:
    """The counts of wrong verdicts, and whatever the command named. It must have counted, and ended with 0."""
    counts = COUNTS.search(done.stdout)
    if exercises is None or counts is None:
        record.problem(f"autograder check gave no results: {done.why}")
        return
    samples = sum(len(x["wheats"]) + len(x["chaffs"]) + 2 for x in exercises)  # the stub and the reference
    record.figure("graded", f"{len(exercises)} exercises, {samples} samples, in {done.seconds:.0f} s")
    record.figure("false accepts", counts[1])
    record.figure("false rejects", counts[2])
    named = PROBLEM.findall(done.stderr)
    for problem in named[:SHOWN]:
        record.problem(problem)
    if named[SHOWN:]:
        record.problem(f"and {len(named) - SHOWN} more")
    if done.code and not named:
        record.problem(f"autograder check ended with exit code {done.code}: {done.why}")


def measure(record: Record, folder: Path, card: Gauge) -> None:
    """Check all exercises, with as many workers as the command chooses."""
    json = folder / "check-results.json"
    with Watch(card) as watch:
        done = run(autograder("check", "--course", ROOT, "--device", "cuda", "--json", json))
    record_check(record, done, results_in(json, "exercises"))
    record.figure("card at its fullest", size(watch.peaks.used))
    if watch.peaks.together:
        record.figure("submissions that shared the card", str(watch.peaks.together))
    if watch.error:
        record.problem(watch.error)


def main() -> int:
    folder = Path(sys.argv[1])
    record = Record(folder / "check.json")
    measure(record, folder, gauge(folder))
    return record.code


if __name__ == "__main__":
    sys.exit(main())
