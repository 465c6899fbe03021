"""`autograder check`: stub, reference, wheats and chaffs before the hidden graders."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.table import Table

from autograder.commands import write_json
from autograder.course import Course
from autograder.errors import CourseError
from autograder.execution import Cell
from autograder.pool import Pool, available_jobs
from autograder.progress import Progress
from autograder.records import Exercise, ExerciseResult
from autograder.render import to_text
from autograder.samples import read_samples
from autograder.worker import Job, Start


class Sat(NamedTuple):
    """Who sat which exercise."""

    exercise: str
    kind: str
    name: str


class Standing(msgspec.Struct):
    """One sample's worst (wheat, reference) or best (stub, chaff) score over the seeds."""

    name: str
    score: float
    max_score: float
    failed_checks: list[str] = []
    diagnosed: bool = False


class Report(msgspec.Struct):
    """One exercise's part of the report."""

    id: str
    stub: Standing
    reference: Standing
    wheats: list[Standing] = []
    chaffs: list[Standing] = []

    def false_accepts(self) -> list[str]:
        wrong = [x.name for x in self.chaffs if x.score >= x.max_score]
        return wrong + (["the stub"] if self.stub.score > 0 else [])

    def false_rejects(self) -> list[str]:
        right = [x.name for x in self.wheats if x.score < x.max_score]
        return right + (["the reference"] if self.reference.score < self.reference.max_score else [])


def check_graders(root: Path, wanted: Sequence[str], seeds: int, jobs: int, json: Path | None) -> int:
    """Grade every sample over the seeds and report; returns the exit code."""
    course = Course(root)
    exercises = _exercises(course, wanted)
    sittings = [(sat, job) for exercise in exercises for sat, job in _jobs(course, exercise)]
    results: dict[Sat, list[ExerciseResult]] = {sat: [] for sat, _ in sittings}
    staff: list[str] = []
    with Progress(len(sittings) * seeds) as progress:
        for seed in range(seeds):
            start = Start(str(course.root), course.assignment, seed, "cpu", diagnose=True)
            with Pool(start, jobs or available_jobs()) as pool:
                for sat, done in pool.run(sittings):
                    results[sat] += done.exercises
                    staff += [f"{sat.exercise}, {sat.name}: {sentence}" for sentence in done.staff]
                    progress.step(f"{sat.exercise}/{sat.name}")
    reports = [_report(exercise, results) for exercise in exercises]
    return _finish(reports, staff, json)


def _exercises(course: Course, wanted: Sequence[str]) -> list[Exercise]:
    automatic = {x.id: x for x in course.exercises.values() if not x.written}
    for name in wanted:
        if name not in automatic:
            raise CourseError(f"there is no automatic exercise {name!r}: {', '.join(automatic)}.")
    return [automatic[name] for name in wanted] if wanted else list(automatic.values())


def _jobs(course: Course, exercise: Exercise) -> list[tuple[Sat, Job]]:
    """Everyone who sits this exercise. A sample stands in the reference solution's place for its name."""
    solution = Cell(0, (course.solutions / f"{exercise.notebook}.py").read_text(encoding="utf-8"))
    jobs = [
        (Sat(exercise.id, "reference", "reference"), Job([solution], [exercise])),
        (Sat(exercise.id, "stub", "stub"), Job(_stub(course, exercise), [exercise])),
    ]
    for sample in read_samples(course.graders / exercise.id):
        cells = [solution, Cell(1, sample.source)]
        jobs.append((Sat(exercise.id, sample.kind, sample.name), Job(cells, [exercise])))
    return jobs


def _stub(course: Course, exercise: Exercise) -> list[Cell]:
    """The released notebook's code, as a student finds it."""
    from autograder.assembly import code_cells, read_skeleton

    return code_cells(read_skeleton(course.release / f"{exercise.notebook}.ipynb"))


def _report(exercise: Exercise, results: dict[Sat, list[ExerciseResult]]) -> Report:
    def standings(kind: str) -> list[Standing]:
        return [_standing(sat, found) for sat, found in results.items() if sat[:2] == (exercise.id, kind)]

    return Report(
        exercise.id,
        standings("stub")[0],
        standings("reference")[0],
        standings("wheat"),
        standings("chaff"),
    )


def _standing(sat: Sat, found: list[ExerciseResult]) -> Standing:
    """The score that would be the mistake: the lowest of what is right, the highest of what is wrong."""
    scores = [result.score or 0.0 for result in found] or [0.0]
    worst = min(scores) if sat.kind in ("wheat", "reference") else max(scores)
    failed = sorted({c.name for result in found for c in result.checks if c.passed is False})
    diagnosed = bool(found) and all(x.diagnosis and x.diagnosis.chaff == sat.name for x in found)
    return Standing(sat.name, worst, found[0].max_score if found else 0.0, failed, diagnosed)


def _finish(reports: list[Report], staff: list[str], json: Path | None) -> int:
    accepts = [f"{report.id}: {name}" for report in reports for name in report.false_accepts()]
    rejects = [f"{report.id}: {name}" for report in reports for name in report.false_rejects()]
    print(to_text(_table(reports), 110, color=sys.stdout.isatty()), end="")
    print(f"false accepts: {len(accepts)}  false rejects: {len(rejects)}")
    for kind, names in (
        ("false accept", accepts),
        ("false reject", rejects),
        ("fault of ours", staff),
    ):
        for name in names:
            print(f"autograder: {kind}: {name}", file=sys.stderr)
    if json is not None:
        write_json(json, msgspec.json.encode({"schema": 1, "exercises": [_entry(x) for x in reports]}))
    return 1 if accepts or rejects or staff else 0


def _table(reports: list[Report]) -> Table:
    table = Table(pad_edge=False)
    for name in ("exercise", "stub", "reference", "wheats full", "chaffs caught", "diagnosed"):
        table.add_column(name, justify="left" if name == "exercise" else "right")
    for report in reports:
        full = sum(x.score >= x.max_score for x in report.wheats)
        caught = sum(x.score < x.max_score for x in report.chaffs)
        table.add_row(
            report.id,
            f"{report.stub.score:g}",
            f"{report.reference.score:g}/{report.reference.max_score:g}",
            f"{full}/{len(report.wheats)}",
            f"{caught}/{len(report.chaffs)}",
            f"{sum(x.diagnosed for x in report.chaffs)}/{len(report.chaffs)}",
        )
    return table


def _entry(report: Report) -> dict[str, Any]:
    """One exercise in the results file, with the keys that interface.md fixes."""
    reference = report.reference
    return {
        "id": report.id,
        "stub": {"score": report.stub.score},
        "reference": {"score": reference.score, "max_score": reference.max_score},
        "wheats": [{"name": x.name, "score": x.score, "max_score": x.max_score} for x in report.wheats],
        "chaffs": [msgspec.to_builtins(x) for x in report.chaffs],
    }
