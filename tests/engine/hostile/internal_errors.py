"""Kill the grader, a worker or what runs below it at a random moment, run the command again, and compare.

    python -m tests.engine.hostile.internal_errors [--rounds 30] [--students 60] [--seed 0]

Each round grades the same class in a fresh copy of a small course: `autograder grade` is disturbed by a
SIGKILL and then run once more. The gradebook has to be the one of an undisturbed run, every submission in
it once, and no process may be left. Prints a line for each round; the exit code is 1 when any differed.
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

VICTIMS = ("grader", "worker", "below a worker")
PATIENCE = 300.0


@dataclass
class Graded:
    """What a class has become."""

    scores: small_class.Scores
    files: dict[str, dict[str, Any]]
    results: list[dict[str, Any]]


def write_disturbed_class(root: Path, students: int) -> Path:
    """A course whose class has solved, wrong, untouched, slow and broken notebooks in turn."""
    small_class.write_class(root)
    kinds = [
        small_class.solved(root), small_class.wrong(root), small_class.released(root),
        slow(small_class.solved(root)), "{",
    ]  # fmt: skip
    for number in range(students):
        small_class.hand_in(root, f"student{number:03}", kinds[number % len(kinds)])
    return root


def slow(content: small_class.Notebook) -> small_class.Notebook:
    """With an exercise whose function takes a little while, so that it can be killed meanwhile."""
    source = "import time\ndef count_params(architecture, bias=True):\n    time.sleep(0.2)"
    cell_of(content, "count_params_solution")["source"] = source
    return content


def command(root: Path) -> subprocess.Popen[bytes]:
    """`autograder grade`, on its way; it tells its results in results.json."""
    arguments = ["grade", "--course", str(root), "--json", str(root / "results.json")]
    with (root / "told.txt").open("ab") as told:
        return subprocess.Popen(
            [sys.executable, "-m", "autograder", *arguments], stdout=told, stderr=told, cwd=root
        )


def grade(root: Path) -> Graded:
    """Grade to the end; the class has broken notebooks, so the exit code is 1 and never anything else."""
    process = command(root)
    assert process.wait(PATIENCE) == 1, (root / "told.txt").read_text()[-2000:]
    results = json.loads((root / "results.json").read_text())["results"]
    graded = sorted((root / "autograded").rglob("*.ipynb"))
    shown = {str(path.relative_to(root)): result_in(path) for path in graded}
    return Graded(small_class.scores(root), shown, [comparable(x) for x in results])


def result_in(path: Path) -> dict[str, Any]:
    """The result that a graded notebook carries."""
    return comparable(json.loads(path.read_text())["metadata"]["autograder"]["result"])


def comparable(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs from run to run."""
    return {name: result[name] for name in result if name not in ("path", "seconds")}


def victim(grader: psutil.Process, kind: str, chance: random.Random) -> psutil.Process | None:
    """A living process of this kind, if there is one at the moment."""
    if kind == "grader":
        return grader
    workers = [x for x in grader.children() if "autograder.workers.worker" in " ".join(x.cmdline())]
    if kind == "worker":
        return chance.choice(workers) if workers else None
    below = [x for worker in workers for x in worker.children(recursive=True)]
    return chance.choice(below) if below else None


def disturbed(root: Path, kind: str, seconds: float, chance: random.Random) -> tuple[Graded, str]:
    """Grade, kill one process after so many seconds, and run the command again when it ended early."""
    process = command(root)
    time.sleep(seconds)
    below: list[psutil.Process] = []
    killed = f"nobody: no {kind} was there any more"
    try:
        grader = psutil.Process(process.pid)
        while (found := victim(grader, kind, chance)) is None and process.poll() is None:
            time.sleep(0.05)  # at the start, or between two
        below = grader.children(recursive=True)
        if found is not None and process.poll() is None:
            killed = f"{kind} ({' '.join(found.cmdline())[-40:]})"
            found.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        pass
    code = process.wait(PATIENCE)
    assert code in ((1, -signal.SIGKILL) if kind == "grader" else (1,)), (code, killed)
    _, left = psutil.wait_procs(below, timeout=20)
    assert not left, f"left behind: {left}"
    return grade(root), killed


def round_of(course: Path, kind: str, seconds: float, chance: random.Random, wanted: Graded) -> str:
    """One disturbed class in a copy of the course; returns who was killed. Raises when anything differs."""
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(course, Path(folder) / "course")
        found, killed = disturbed(root, kind, seconds, chance)
    assert found.scores == wanted.scores, "the gradebook is another one"
    assert found.files == wanted.files, "the graded notebooks are others"
    assert found.results == wanted.results, "the results are others"
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
        calm = shutil.copytree(course, Path(folder) / "calm")
        start = time.monotonic()
        wanted = grade(calm)
        lasts = time.monotonic() - start
        print(f"undisturbed: {len(wanted.results)} notebooks, {lasts:.1f} s", flush=True)
        (course / ".autograder").mkdir(exist_ok=True)
        shutil.copy(calm / ".autograder/secret", course / ".autograder/secret")
        differing = 0
        for number in range(options.rounds):
            seconds = chance.uniform(0.5, lasts)
            try:
                said = round_of(course, VICTIMS[number % 3], seconds, chance, wanted)
            except AssertionError as error:
                differing += 1
                said = f"DIFFERS: {error}"
            print(f"round {number + 1}: after {seconds:.1f} s killed {said}", flush=True)
    print(f"{differing} of {options.rounds} rounds differ")
    sys.exit(bool(differing))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "110")
    main()
