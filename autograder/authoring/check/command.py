"""`autograder check`: grade the stub, the reference, the samples and the mutants, and report."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from autograder.authoring.check.jobs import (
    CheckJob,
    SampleId,
    check_jobs,
    exercises_named,
    refuse_mismatched_folders,
)
from autograder.authoring.check.matrix import matrix_table, remarks, summary_table, write_page
from autograder.authoring.check.mutants import read_equivalents
from autograder.authoring.check.sample_results import Report, SampleResult, as_json, summarize
from autograder.core.records import Exercise, ExerciseResult, JobResult
from autograder.course.course import DEFAULT_ASSIGNMENT, Course
from autograder.course.release_state import refuse_outdated_release
from autograder.feedback.json_report import write_json
from autograder.feedback.progress import Progress
from autograder.feedback.terminal import to_text
from autograder.workers.card import Card, config_for, jobs_on, resolve_device
from autograder.workers.pool import Pool, available_jobs

WIDTH = 120
"""Characters per line of the printed tables."""


class CheckOptions(NamedTuple):
    """The options of the command line; `jobs` is 0 and `device` None for the settings of these names."""

    seeds: int = 1
    jobs: int = 0
    json: Path | None = None
    html: Path | None = None
    mutants: bool = False
    restyled: bool = False
    first_seed: int = 0
    device: str | None = None


Results = dict[SampleId, list[ExerciseResult]]


def check_graders(
    root: Path, names: Sequence[str], options: CheckOptions, assignment: str = DEFAULT_ASSIGNMENT
) -> int:
    """Check the graders of the named exercises, or of all, and print the report.

    Returns the exit code: 1 if a grader judged a sample wrongly or an internal error occurred, else 0.
    Raises CourseError if the course is malformed, and NoCard if no GPU can be used that is asked for.
    """
    course = Course(root, assignment)
    refuse_outdated_release(course)
    refuse_mismatched_folders(course)
    exercises = exercises_named(course, names)
    jobs = [
        job
        for exercise in exercises
        for job in check_jobs(course, exercise, options.restyled, options.mutants)
    ]
    _, card = resolve_device(options.device, course.settings)
    results, internal_errors = _grade(course, jobs, card, options)
    reports = [_report(exercise, results) for exercise in exercises]
    _print_tables(reports, detailed=bool(names))
    if options.restyled:
        _print_restyled(results)
    if options.json is not None:
        write_json(options.json, msgspec.json.encode(as_json(reports)))
    if options.html is not None:
        write_page(reports, options.seeds, options.html)
    survivors = _survivors(course, reports) if options.mutants else []
    return _print_problems(reports, survivors, internal_errors)


def _grade(
    course: Course, jobs: list[CheckJob], card: Card | None, options: CheckOptions
) -> tuple[Results, list[str]]:
    """Grade every job with every seed, mutants only with the first: one catch is enough.

    Returns the results by sample, and the internal errors.
    """
    results: Results = {sample: [] for sample, _ in jobs}
    internal_errors: list[str] = []
    jobs_by_seed = [
        [(sample, job) for sample, job in jobs if round_ == 0 or sample.kind != "mutant"]
        for round_ in range(options.seeds)
    ]
    workers = options.jobs or course.settings.jobs or available_jobs()
    workers = jobs_on(card, workers, course.settings.memory)
    with Progress(sum(map(len, jobs_by_seed))) as progress:
        for seed, jobs_of_seed in enumerate(jobs_by_seed, options.first_seed):
            with Pool(config_for(course, seed, card, unsafe=True), workers) as pool:
                for sample, result in pool.run(jobs_of_seed):
                    results[sample] += result.exercises
                    internal_errors += _internal_errors(sample, result)
                    progress.step(f"{sample.exercise}/{sample.name}")
    return results, list(dict.fromkeys(internal_errors))


def _internal_errors(sample: SampleId, result: JobResult) -> list[str]:
    """The internal errors of one job. If the reference itself fails, only that is reported."""
    if any("ReferenceRaised" in error for error in result.internal_errors):
        reason = result.internal_errors[0].partition("ReferenceRaised: ")[2]
        return [
            f"{sample.exercise}: the reference solution fails ({reason}):"
            f" repair {sample.exercise}_solution first"
        ]
    found = [f"{sample.exercise}, {sample.name}: {error}" for error in result.internal_errors]
    if sample.kind == "reference":
        outputs = [x for cell in result.cells for x in cell.outputs if x.kind == "error"]
        found += [
            f"{sample.exercise}: the visible example fails on the reference ({x.ename}: {x.evalue}): one of"
            " the two is wrong"
            for x in outputs
        ]
    return found


def _report(exercise: Exercise, results: Results) -> Report:
    def of_kind(kind: str) -> list[SampleResult]:
        return [
            summarize(sample.name, kind, found)
            for sample, found in results.items()
            if (sample.exercise, sample.kind) == (exercise.id, kind)
        ]

    (reference,) = of_kind("reference")
    (stub,) = of_kind("stub")
    first = results[SampleId(exercise.id, "reference", "reference")]
    checks = [check.name for check in first[0].checks] if first else []
    return Report(exercise.id, checks, stub, reference, of_kind("wheat"), of_kind("chaff"), of_kind("mutant"))


def _print_tables(reports: list[Report], detailed: bool) -> None:
    """The summary; if `detailed`, first each exercise's kill matrix and remarks."""
    color = sys.stdout.isatty()
    for report in reports if detailed else ():
        print(f"{report.id}: samples down, checks across")
        print(to_text(matrix_table(report), WIDTH, color), end="")
        for number, check in enumerate(report.checks, 1):
            print(f"  {number:2} {check}")
        for heading, names in remarks(report):
            if names:
                print(f"  {heading}: {', '.join(names)}")
    print(to_text(summary_table(reports), WIDTH, color), end="")
    accepts = sum(len(report.false_accepts()) for report in reports)
    rejects = sum(len(report.false_rejects()) for report in reports)
    print(f"false accepts: {accepts}  false rejects: {rejects}")


def _print_restyled(results: Results) -> None:
    """How many restyled samples are still diagnosed as the sample that they were made from."""
    found = [(sample.name, x) for sample, each in results.items() if sample.kind == "restyled" for x in each]
    diagnosed = [(name, x.diagnosis) for name, x in found if x.diagnosis]
    sure = [(name, x.chaff) for name, x in diagnosed if x.sure]
    correct = sum(name == chaff for name, chaff in sure)
    print(
        f"restyled buggy samples: {len(found)}; diagnosed: {correct}; misdiagnosed: {len(sure) - correct};"
        f' "looks like": {len(diagnosed) - len(sure)}'
        f" ({sum(name == x.chaff for name, x in diagnosed if not x.sure)} of them correct)"
    )


def _print_problems(reports: list[Report], survivors: list[str], internal_errors: list[str]) -> int:
    """Name everything that is wrong with the graders, on stderr; returns the exit code."""
    problems = [
        ("false accept", _named(reports, Report.false_accepts), "add a check that catches it"),
        ("false reject", _named(reports, Report.false_rejects), "a check asks for too much, or it is wrong"),
        ("surviving mutant", survivors, "add a check, or record it in equivalent_mutants.toml"),
        ("internal error", internal_errors, ""),
    ]
    for kind, names, repair in problems:
        for name in names:
            print(f"autograder: {kind}: {name}{f' ({repair})' if repair else ''}", file=sys.stderr)
    return 1 if any(names for _, names, _ in problems) else 0


def _named(reports: list[Report], names: Callable[[Report], Iterable[str]]) -> list[str]:
    return [f"{report.id}: {name}" for report in reports for name in names(report)]


def _survivors(course: Course, reports: list[Report]) -> list[str]:
    """Mutants with full marks that are not recorded as equivalent, and records that match no mutant.

    Prints how many mutants there are of each kind.
    """
    survivors, equivalent = [], 0
    for report in reports:
        recorded = read_equivalents(course.graders / report.id)
        alive = [mutant.name for mutant in report.mutants if mutant.misjudged()]
        equivalent += sum(name in recorded for name in alive)
        survivors += [f"{report.id}: {name}" for name in alive if name not in recorded]
        outdated = recorded.keys() - {x.name for x in report.mutants}
        survivors += [
            f"{report.id}: recorded, but no longer generated (delete the entry): {name}"
            for name in sorted(outdated)
        ]
    mutants = [mutant for report in reports for mutant in report.mutants]
    killed = sum(not mutant.misjudged() for mutant in mutants)
    print(f"mutants: {len(mutants)}  killed: {killed}  equivalent: {equivalent}  survivors: {len(survivors)}")
    return survivors
