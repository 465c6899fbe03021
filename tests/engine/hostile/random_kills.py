"""Kill the grader, a worker or one of its processes at a random moment, run the command again, and compare.

    python -m tests.engine.hostile.random_kills [--rounds 30] [--students 60] [--seed 0]

Each round grades the same class in a fresh copy of a small course: `autograder grade` is interrupted by a SIGKILL
and then run once more. Gradebook, graded notebooks and results must be those of an undisturbed run, and no process
may be left over. Prints a line per round; the exit code is 1 if any round differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.engine.support import small_class
from tests.engine.support.small_course import cell_of

KINDS = ("grader", "worker", "below a worker")
TIMEOUT = 300.0


@dataclass
class Graded:
    """What grading the class has produced."""

    scores: small_class.Scores
    files: dict[str, dict[str, Any]]
    results: list[dict[str, Any]]


def write_disturbed_class(root: Path, students: int) -> Path:
    """Write a course whose students hand in solved, wrong, untouched, slow and unreadable notebooks in turn."""
    small_class.write_class(root)
    kinds = [
        small_class.solved(root), small_class.wrong(root), small_class.released(root),
        slow(small_class.solved(root)), "{",
    ]  # fmt: skip
    for number in range(students):
        small_class.hand_in(root, f"student{number:03}", kinds[number % len(kinds)])
    return root


def slow(content: small_class.Notebook) -> small_class.Notebook:
    """Make the function of one exercise slow, so that it can be killed while it runs."""
    source = "import time\ndef count_params(architecture, bias=True):\n    time.sleep(0.2)"
    cell_of(content, "count_params_solution")["source"] = source
    return content


def command(root: Path) -> subprocess.Popen[bytes]:
    """Start `autograder grade`; it writes results.json and its output to output.txt."""
    arguments = ["grade", "--course", str(root), "--json", str(root / "results.json")]
    with (root / "output.txt").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "autograder", *arguments], stdout=output, stderr=output, cwd=root
        )


def grade(root: Path) -> Graded:
    """Grade to the end. The exit code must be 1: the class has unreadable notebooks."""
    process = command(root)
    assert process.wait(TIMEOUT) == 1, (root / "output.txt").read_text()[-2000:]
    results = json.loads((root / "results.json").read_text())["results"]
    graded = sorted((root / "autograded").rglob("*.ipynb"))
    files = {str(path.relative_to(root)): result_in(path) for path in graded}
    return Graded(small_class.scores(root), files, [comparable(x) for x in results])


def result_in(path: Path) -> dict[str, Any]:
    """The result in the metadata of a graded notebook."""
    return comparable(json.loads(path.read_text())["metadata"]["autograder"]["result"])


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs from run to run."""
    return {name: result[name] for name in result if name not in ("path", "seconds")}


def pick_process(grader: psutil.Process, kind: str, chance: random.Random) -> psutil.Process | None:
    """A random running process of this kind, if there is one."""
    if kind == "grader":
        return grader
    workers = [x for x in grader.children() if "autograder.workers.worker" in " ".join(x.cmdline())]
    if kind == "worker":
        return chance.choice(workers) if workers else None
    below = [x for worker in workers for x in worker.children(recursive=True)]
    return chance.choice(below) if below else None


def grade_disturbed(root: Path, kind: str, seconds: float, chance: random.Random) -> tuple[Graded, str]:
    """Grade, kill one process after so many seconds, and run the command again.

    Returns what was graded, and which process was killed. Raises AssertionError if processes are left over.
    """
    process = command(root)
    time.sleep(seconds)
    below: list[psutil.Process] = []
    killed = f"nothing: no {kind} was running any more"
    try:
        grader = psutil.Process(process.pid)
        while (found := pick_process(grader, kind, chance)) is None and process.poll() is None:
            time.sleep(0.05)  # still starting, or between two submissions
        below = grader.children(recursive=True)
        if found is not None and process.poll() is None:
            killed = f"{kind} ({' '.join(found.cmdline())[-40:]})"
            found.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        pass
    code = process.wait(TIMEOUT)
    assert code in ((1, -signal.SIGKILL) if kind == "grader" else (1,)), (code, killed)
    _, left = psutil.wait_procs(below, timeout=20)
    assert not left, f"left behind: {left}"
    return grade(root), killed


def round_of(course: Path, kind: str, seconds: float, chance: random.Random, wanted: Graded) -> str:
    """Grade a copy of the class with a disturbance; returns which process was killed.

    Raises AssertionError if anything differs from `wanted`.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(course, Path(folder) / "course")
        found, killed = grade_disturbed(root, kind, seconds, chance)
    assert found.scores == wanted.scores, "the gradebook differs"
    assert found.files == wanted.files, "the graded notebooks differ"
    assert found.results == wanted.results, "the results differ"
    return killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--students", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        course = write_disturbed_class(Path(folder) / "course", options.students)
        undisturbed = shutil.copytree(course, Path(folder) / "undisturbed")
        start = time.monotonic()
        wanted = grade(undisturbed)
        duration = time.monotonic() - start
        print(f"undisturbed: {len(wanted.results)} notebooks, {duration:.1f} s", flush=True)
        (course / ".autograder").mkdir(exist_ok=True)
        shutil.copy(undisturbed / ".autograder/secret", course / ".autograder/secret")
        differing = 0
        for number in range(options.rounds):
            seconds = chance.uniform(0.5, duration)
            try:
                outcome = round_of(course, KINDS[number % 3], seconds, chance, wanted)
            except AssertionError as error:
                differing += 1
                outcome = f"DIFFERS: {error}"
            print(f"round {number + 1}: after {seconds:.1f} s killed {outcome}", flush=True)
    print(f"{differing} of {options.rounds} rounds differ")
    sys.exit(bool(differing))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "110")
    main()
