"""The sample class, graded on the CPU and on the GPU: is every grade the same, and what does each cost?

python -m tests.engine.gpu.sample_class FOLDER
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.engine.gpu.commands import Done, autograder, card_in, gauge, results_in, run
from tests.engine.gpu.machine import ROOT
from tests.engine.gpu.memory import Gauge, Peaks, Watch, size
from tests.engine.gpu.record import Record

Result = dict[str, Any]
SEED = 1
# One student's loop never ends. Not as short as the demo's: sixteen processes may open the card at once, and a
# time limit that is met on one device only would be a difference of its own.
SETTINGS = """[tool.autograder.time]
cell = 10.0
exercise = 20.0
"""
SHOWN = 5
"""Differences that are named; the rest is counted."""


def make_class(folder: Path) -> list[Path]:
    """The notebooks that `autograder demo`'s students hand in, in a copy of the course in `folder`."""
    from autograder.course.course import Course
    from autograder.demo.folder import scratch_copy
    from autograder.demo.sample_class import sample_class, submit

    scratch_copy(Course(ROOT), folder)
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    course = Course(folder)
    for student in sample_class(course):
        submit(course, student)
    return sorted((folder / "submitted").rglob("*.ipynb"))


def grade(course: Path, files: Sequence[Path], device: str, json: Path) -> Done:
    """`autograder run`. It needs no gradebook, so nbgrader need not be installed.

    Unsafe: these notebooks are ours, and the machine may be a container without a wall that hides files.
    """
    options = ("--course", course, "--device", device, "--seed", SEED, "--json", json, "--unsafe")
    return run(autograder("run", *options, *files))


def differences(cpu: Sequence[Result], cuda: Sequence[Result]) -> list[str]:
    """Everything in which two runs' grades differ, one phrase each; empty if they are equal."""
    first, second = _by_submission(cpu), _by_submission(cuda)
    found = [f"{name}: only graded on one of the two" for name in sorted(first.keys() ^ second.keys())]
    for name in sorted(first.keys() & second.keys()):
        one, two = first[name], second[name]
        found += _unequal(name, one, two, ("status", "score", "max_score"))
        exercises, others = _by_id(one["exercises"]), _by_id(two["exercises"])
        odd = sorted(exercises.keys() ^ others.keys())
        found += [f"{name}, {x}: only graded on one of the two" for x in odd]
        for exercise in sorted(exercises.keys() & others.keys()):
            found += _of_exercise(f"{name}, {exercise}", exercises[exercise], others[exercise])
    return found


def _of_exercise(where: str, one: Result, two: Result) -> list[str]:
    found = _unequal(where, one, two, ("status", "score", "max_score"))
    checks, others = ([(x["name"], x["passed"]) for x in each["checks"]] for each in (one, two))
    if checks != others:
        names = {name for name, _ in set(checks) ^ set(others)} or {"their order"}
        found.append(f"{where}: other verdicts of {', '.join(sorted(names))}")
    diagnoses = [(each["diagnosis"] or {}).get("chaff") for each in (one, two)]
    if diagnoses[0] != diagnoses[1]:
        found.append(f"{where}: diagnosis {diagnoses[0]} on the CPU, {diagnoses[1]} on the GPU")
    return found


def _unequal(where: str, one: Result, two: Result, fields: Sequence[str]) -> list[str]:
    return [
        f"{where}: {field} {one[field]} on the CPU, {two[field]} on the GPU"
        for field in fields
        if one[field] != two[field]
    ]


def _by_submission(results: Sequence[Result]) -> dict[str, Result]:
    return {f"{Path(x['path']).parent.parent.name}/{x['notebook']}": x for x in results}


def _by_id(results: Sequence[Result]) -> dict[str, Result]:
    return {x["id"]: x for x in results}


def record_equality(record: Record, cpu: Sequence[Result], cuda: Sequence[Result]) -> None:
    """How many submissions and exercises were compared, and every difference."""
    exercises = sum(len(x["exercises"]) for x in cpu)
    found = differences(cpu, cuda)
    verdict = f"{len(found)} differences" if found else "all equal"
    record.figure("CPU and GPU compared", f"{len(cpu)} submissions, {exercises} exercises: {verdict}")
    for difference in found[:SHOWN]:
        record.problem(difference)
    if found[SHOWN:]:
        record.problem(f"and {len(found) - SHOWN} more differences")
    if not exercises:
        record.problem("no exercise was graded, so nothing was compared")


def record_seconds(record: Record, cpu: Sequence[Result], cuda: Sequence[Result]) -> None:
    """The median and the longest time of a submission, for each notebook."""
    spent: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for device, results in (("CPU", cpu), ("GPU", cuda)):
        for result in results:
            if result["status"] == "graded":
                spent[result["notebook"]].setdefault(device, []).append(result["seconds"])
    for notebook, times in sorted(spent.items()):
        value = "; ".join(
            f"{device} {statistics.median(each):.1f} ({max(each):.1f})" for device, each in times.items()
        )
        record.figure(f"{notebook}: seconds per submission, median (longest)", value)


def record_memory(record: Record, watch: Watch, free: int) -> None:
    """What submissions held on the card, how many at once, and how many could."""
    peaks = watch.peaks
    record.figure("card, before and at its fullest", f"{size(watch.before)}, {size(peaks.used)}")
    if watch.error:
        record.problem(watch.error)
    if not peaks.submission:
        record.problem("the driver does not say what each process holds on the card")
        return
    record.figure("device memory per submission, largest", size(peaks.submission))
    record.figure("device memory of a worker itself, largest", size(peaks.worker))
    record.figure("submissions that shared the card", str(peaks.together))
    record.figure("would fit, by these sizes", str(fitting(peaks, free)))


def fitting(peaks: Peaks, free: int) -> int:
    """How many of the largest submissions, each with its worker, the card's free memory would hold."""
    return free // (peaks.submission + peaks.worker)


def measure(record: Record, folder: Path, card: Gauge, free: int) -> None:
    """Grade the class on both devices, and record all of the above."""
    files = make_class(folder / "class")
    results = {}
    for device in ("cpu", "cuda"):
        json = folder / f"class-{device}.json"
        with Watch(card) as watch:
            done = grade(folder / "class", files, device, json)
        found = results_in(json, "results")
        if found is None:
            record.problem(f"autograder run --device {device} gave no results: {done.why}")
            return
        results[device] = found
        name = {"cpu": "CPU", "cuda": "GPU"}[device]
        record.figure(f"whole class on the {name}", f"{done.seconds:.0f} s, starting the workers included")
    record_equality(record, results["cpu"], results["cuda"])
    record_seconds(record, results["cpu"], results["cuda"])
    record_memory(record, watch, free)
    if watch.freed_after() is None:
        record.problem(f"{size(watch.left())} of the card were not freed after the class")


def main() -> int:
    folder = Path(sys.argv[1])
    record = Record(folder / "class.json")
    measure(record, folder, gauge(folder), card_in(folder)["free"])
    return record.code


if __name__ == "__main__":
    sys.exit(main())
