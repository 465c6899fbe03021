"""What is killed on the GPU, and whether its memory comes back: a submission that takes too much, one whose
kernel never ends, and a grader that is killed while a submission runs.

    python -m tests.engine.gpu.endings FOLDER
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.engine.gpu.commands import autograder, gauge, results_in
from tests.engine.gpu.machine import ROOT, environment
from tests.engine.gpu.memory import MIB, Gauge, Watch, size
from tests.engine.gpu.processes import descendants, is_ours, is_worker, kill_tree
from tests.engine.gpu.record import Record

if TYPE_CHECKING:
    from nbformat import NotebookNode

FUNCTION = re.compile(r"^def (\w+)\(", re.M)
EXERCISE = "xor_weights"
"""One of the first notebook, with few checks; no other exercise uses it."""
SHOWS = 200 * MIB
"""A submission with a context of its own has taken at least this much."""
SHOWS_SECONDS = 60.0
# Both do the same without a GPU: what does not pass on the card is graded again without it, and that counts.
# PyTorch keeps to the share that it was given; whoever lifts that bound meets the grader's.
TOO_MUCH = """
    import time, torch
    place = "cuda" if torch.cuda.is_available() else "cpu"
    if place == "cuda":
        torch.cuda.set_per_process_memory_fraction(1.0)
    blocks = []
    while True:
        blocks.append(torch.empty(2**30, dtype=torch.uint8, device=place))
        time.sleep(0.005)
"""
ENDLESS_KERNEL = """
    import torch
    if torch.cuda.is_available():
        torch.cuda._sleep(10**14)
        torch.cuda.synchronize()
    while True:
        pass
"""


@dataclass(frozen=True)
class Case:
    """A submission in which one exercise is spoiled."""

    name: str
    body: str
    """What the exercise's functions do instead."""
    expected: str
    """The status of that exercise, with and without a GPU."""
    settings: str
    """Time for every check to end in the same way; or for little, where each takes all that it gets."""


CASES = (
    Case("too_much", TOO_MUCH, "memory", "[tool.autograder.time]\ncell = 10.0\n"),
    Case(
        "endless_kernel", ENDLESS_KERNEL, "timeout",
        "[tool.autograder.time]\ncell = 6.0\nquestion = 4.0\nexercise = 6.0\n",
    ),
)  # fmt: skip


def spoil(notebook: NotebookNode, body: str) -> None:
    """Have the functions of EXERCISE do this instead."""
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == f"{EXERCISE}_solution":
            names = FUNCTION.findall(cell.source)
            cell.source += "".join(f"\n\ndef {name}(*values, **options):{body}" for name in names)
            return
    raise ValueError(f"there is no exercise {EXERCISE}")


def make_submission(course: Path, case: Case) -> Path:
    """The case's notebook, otherwise solved, in a copy of the course with the case's time limits."""
    from autograder.course.course import Course
    from autograder.demo.folder import scratch_copy
    from autograder.demo.sample_class import SampleStudent, submit

    copy = scratch_copy(Course(ROOT), course)
    (course / "pyproject.toml").write_text(case.settings, encoding="utf-8")
    submit(copy, SampleStudent(case.name, edit_notebook=lambda notebook: spoil(notebook, case.body)))
    (file,) = (course / "submitted").rglob("*.ipynb")
    return file


def command(course: Path, file: Path, json: Path) -> subprocess.Popen[bytes]:
    """Start `autograder run --device cuda` on one notebook."""
    options = ("--course", course, "--device", "cuda", "--seed", 1, "--json", json, "--unsafe")
    line = autograder("run", *options, file)
    print("$", *line[1:], flush=True)
    return subprocess.Popen(line, cwd=ROOT, env=environment())


def record_memory(record: Record, what: str, watch: Watch) -> None:
    """The card's memory before, at its fullest and after, and whether all of it came back."""
    seconds = watch.freed_after()
    left = watch.left()
    freed = f"freed after {seconds:.1f} s" if seconds is not None else "not freed"
    record.figure(
        f"{what}: card before, at its fullest, after",
        f"{size(watch.before)}, {size(watch.peaks.used)}, {size(watch.before + left)} ({freed})",
    )
    if seconds is None:
        record.problem(f"{what}: {size(left)} of the card were not freed")
    if watch.error:
        record.problem(f"{what}: {watch.error}")


def record_statuses(record: Record, what: str, expected: str, exercises: list[dict[str, Any]]) -> None:
    """The spoiled exercise has the expected status, and it alone has lost points."""
    lost = [x for x in exercises if x["score"] is not None and x["score"] < x["max_score"]]
    named = ", ".join(f"{x['id']} ({x['status']})" for x in lost) or "none"
    record.figure(f"{what}: exercises that lost points", named)
    if [x["status"] for x in lost] != [expected]:
        record.problem(f"{what}: one exercise should have ended as {expected}, and no other: {named}")


def measure_submission(
    record: Record, card: Gauge, start: Callable[[], subprocess.Popen[bytes]], json: Path, expected: str
) -> None:
    """Grade a submission that has to be killed; the table calls it by the name of its results file."""
    what = json.stem.replace("_", " ")
    with Watch(card) as watch:
        code = start().wait()
    results = results_in(json, "results")
    if not results or results[0]["status"] != "graded":
        record.problem(f"{what}: it was not graded (exit code {code})")
    else:
        record_statuses(record, what, expected, results[0]["exercises"])
    record_memory(record, what, watch)


def measure_killed_grader(record: Record, card: Gauge, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    """Kill the command and its worker as soon as the submission holds memory on the card."""
    what = "grader killed"
    with Watch(card) as watch:
        process = start()
        end = time.monotonic() + SHOWS_SECONDS
        while watch.left() < SHOWS and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        shown = watch.left() >= SHOWS
        workers = [pid for pid in descendants(process.pid) if is_worker(pid)]
        below = descendants(process.pid)
        for pid in (*workers, process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        if shown:
            record_memory(record, what, watch)
        else:
            record.problem(f"{what}: the submission never held memory on the card")
    for pid in filter(is_ours, below):  # what outlives its grader must not disturb what follows
        kill_tree(pid)


def main() -> int:
    folder = Path(sys.argv[1])
    record = Record(folder / "endings.json")
    card = gauge(folder)
    for case in CASES:
        course, json = folder / f"course_{case.name}", folder / f"{case.name}.json"
        file = make_submission(course, case)
        measure_submission(record, card, partial(command, course, file, json), json, case.expected)
    measure_killed_grader(record, card, partial(command, course, file, folder / "killed.json"))
    return record.code


if __name__ == "__main__":
    sys.exit(main())
