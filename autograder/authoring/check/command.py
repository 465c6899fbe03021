"""`autograder check`: stub, reference, wheats, chaffs and mutants before the hidden graders."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from autograder.authoring.check.matrix import matrix_table, remarks, summary_table, write_page
from autograder.authoring.check.mutants import mutants_of, read_equivalents
from autograder.authoring.check.restyle import restyled
from autograder.authoring.check.sample_results import Report, SampleResult, as_json, standing
from autograder.core.errors import CourseError
from autograder.core.records import CodeCell, Exercise, ExerciseResult, GradeJob, JobResult, WorkerConfig
from autograder.course.course import Course
from autograder.course.reference_solutions import only_imports, without_markers
from autograder.course.samples import Sample, read_samples
from autograder.course.solution_regions import defined_names
from autograder.feedback.json_report import write_json
from autograder.feedback.progress import Progress
from autograder.feedback.terminal import to_text
from autograder.workers.pool import Pool, available_jobs

WIDTH = 120


class Sat(NamedTuple):
    """Who sat which exercise."""

    exercise: str
    kind: str
    name: str


class CheckOptions(NamedTuple):
    """What the command line asks for."""

    seeds: int = 1
    jobs: int = 0
    json: Path | None = None
    html: Path | None = None
    mutants: bool = False
    restyled: bool = False


CurrentContext = list[tuple[Sat, GradeJob]]
Results = dict[Sat, list[ExerciseResult]]


def check_graders(root: Path, wanted: Sequence[str], options: CheckOptions) -> int:
    """Grade every sample over the seeds and report; returns the exit code."""
    course = Course(root)
    _refuse_strays(course)
    exercises = _exercises(course, wanted)
    sittings = [pair for exercise in exercises for pair in _everyone(course, exercise, options)]
    results, internal_errors = _sit(course, sittings, options)
    reports = [_report(course, exercise, results) for exercise in exercises]
    _print(reports, detailed=bool(wanted))
    if options.restyled:
        _print_restyled(results)
    if options.json is not None:
        write_json(options.json, msgspec.json.encode(as_json(reports)))
    if options.html is not None:
        write_page(reports, options.seeds, options.html)
    return _faults(course, reports, internal_errors, options)


def _sit(course: Course, sittings: CurrentContext, options: CheckOptions) -> tuple[Results, list[str]]:
    """Let everyone sit with every seed; mutants with the first alone, since one catch is enough."""
    results: Results = {sat: [] for sat, _ in sittings}
    internal_errors: list[str] = []
    rounds = [[x for x in sittings if not seed or x[0].kind != "mutant"] for seed in range(options.seeds)]
    with Progress(sum(map(len, rounds))) as progress:
        for seed, sitting in enumerate(rounds):
            start = WorkerConfig(str(course.root), course.assignment, seed, "cpu", diagnose=True, unsafe=True)
            with Pool(start, options.jobs or available_jobs()) as pool:
                for sat, done in pool.run(sitting):
                    results[sat] += done.exercises
                    internal_errors += _troubles(sat, done)
                    progress.step(f"{sat.exercise}/{sat.name}")
    return results, list(dict.fromkeys(internal_errors))


def _troubles(sat: Sat, done: JobResult) -> list[str]:
    """What went wrong through no sample's fault; of a reference that fails, one sentence."""
    if any("ReferenceRaised" in sentence for sentence in done.internal_errors):
        said = done.internal_errors[0].partition("ReferenceRaised: ")[2]
        return [
            f"{sat.exercise}: the reference solution fails ({said}): repair {sat.exercise}_solution first"
        ]
    found = [f"{sat.exercise}, {sat.name}: {sentence}" for sentence in done.internal_errors]
    if sat.kind == "reference":
        errors = [x for cell in done.cells for x in cell.outputs if x.kind == "error"]
        found += [
            f"{sat.exercise}: the visible example fails on the reference ({x.ename}: {x.evalue}): one of"
            " the two is wrong"
            for x in errors
        ]
    return found


def _automatic(course: Course) -> dict[str, Exercise]:
    return {x.id: x for x in course.exercises.values() if not x.written}


def _refuse_strays(course: Course) -> None:
    """Every automatic exercise has a grader's folder, and every such folder its exercise."""
    automatic = _automatic(course).keys()
    folders = {path.parent.name for path in course.graders.glob("*/test_*.py")}
    lost = [
        f"the exercise {name} has no grader: make {course.graders / name}/test_{name}.py, or take the cell"
        " out of the notebook"
        for name in sorted(automatic - folders)
    ]
    lost += [
        f"{course.graders / name} grades no exercise: give a test cell the grade_id {name!r}, or delete"
        " the folder"
        for name in sorted(folders - automatic)
    ]
    if lost:
        raise CourseError(";\nautograder: ".join(lost) + ".")


def _exercises(course: Course, wanted: Sequence[str]) -> list[Exercise]:
    automatic = _automatic(course)
    for name in wanted:
        if name not in automatic:
            raise CourseError(f"there is no automatic exercise {name!r}: {', '.join(automatic)}.")
    return [automatic[name] for name in wanted] if wanted else list(automatic.values())


def _everyone(course: Course, exercise: Exercise, options: CheckOptions) -> CurrentContext:
    """Everyone who sits this exercise. A sample stands in the reference solution's place for its name."""
    solution = CodeCell(0, course.solution_file(exercise.notebook).read_text(encoding="utf-8"))

    def on_top(kind: str, name: str, source: str) -> tuple[Sat, GradeJob]:
        job = GradeJob([solution, CodeCell(1, source)], [exercise], until_failure=kind == "mutant")
        return Sat(exercise.id, kind, name), job

    found: CurrentContext = [
        (
            Sat(exercise.id, "reference", "reference"),
            GradeJob([solution, *_example(course, exercise)], [exercise]),
        ),
        (Sat(exercise.id, "stub", "stub"), GradeJob(_stub(course, exercise), [exercise])),
    ]
    samples = read_samples(course.graders / exercise.id)
    _refuse_lost_samples(course, exercise, samples)
    found += [on_top(x.kind, x.name, x.source) for x in samples]
    if options.restyled:
        found += [on_top("restyled", x.name, restyled(x.source)) for x in samples if x.kind == "chaff"]
    if options.mutants:
        read_equivalents(course.graders / exercise.id)  # a broken file is found before anyone sits
        found += [on_top("mutant", name, source) for name, source in mutants_of(course, exercise.id)]
    return found


def _refuse_lost_samples(course: Course, exercise: Exercise, samples: list[Sample]) -> None:
    """A sample stands for a name that the exercise asks for; any other would be graded as the reference."""
    known = defined_names(without_markers(course.cell(f"{exercise.id}_solution")))
    for sample in samples:
        if sample.target not in known:
            raise CourseError(
                f"{course.graders / exercise.id}, {sample.kind} {sample.name}: it replaces {sample.target!r},"
                f" which {exercise.id}_solution does not define ({', '.join(known)}): correct the name."
            )


def _example(course: Course, exercise: Exercise) -> list[CodeCell]:
    """The notebook's imports and the exercise's visible example, to be run on the reference."""
    cells = course.notebooks[exercise.notebook].cells
    plain = [x for x in cells if x.kind == "code" and not x.is_grade and not x.is_solution]
    sources = [x.source for x in plain if only_imports(x)] + [course.cell(exercise.id).source]
    return [CodeCell(number, source) for number, source in enumerate(sources, 1)]


def _stub(course: Course, exercise: Exercise) -> list[CodeCell]:
    """The released notebook's code, as a student finds it."""
    from autograder.intake.skeleton import code_cells, read_skeleton

    released = read_skeleton(course.release / f"{exercise.notebook}.ipynb")
    return code_cells(released, released)


def _report(course: Course, exercise: Exercise, results: Results) -> Report:
    def sample_results(kind: str) -> list[SampleResult]:
        mine = [(sat, found) for sat, found in results.items() if sat[:2] == (exercise.id, kind)]
        return [standing(sat.name, kind, found) for sat, found in mine]

    (reference,) = sample_results("reference")
    (stub,) = sample_results("stub")
    first = results[Sat(exercise.id, "reference", "reference")]
    checks = [check.name for check in first[0].checks] if first else []
    return Report(
        exercise.id,
        checks,
        stub,
        reference,
        sample_results("wheat"),
        sample_results("chaff"),
        sample_results("mutant"),
    )


def _print(reports: list[Report], detailed: bool) -> None:
    """The summary of all; of exercises that were named, the matrix and what deserves a look as well."""
    color = sys.stdout.isatty()
    for report in reports if detailed else ():
        print(f"{report.id}: samples down, checks across")
        print(to_text(matrix_table(report), WIDTH, color), end="")
        for number, check in enumerate(report.checks, 1):
            print(f"  {number:2} {check}")
        for sentence, names in remarks(report):
            if names:
                print(f"  {sentence}: {', '.join(names)}")
    print(to_text(summary_table(reports), WIDTH, color), end="")
    accepts = sum(len(report.false_accepts()) for report in reports)
    rejects = sum(len(report.false_rejects()) for report in reports)
    print(f"false accepts: {accepts}  false rejects: {rejects}")


def _print_restyled(results: Results) -> None:
    """How often a chaff in other words is still told its own misconception, and how often another's."""
    found = [(sat.name, x) for sat, run in results.items() if sat.kind == "restyled" for x in run]
    named = [(name, x.diagnosis) for name, x in found if x.diagnosis]
    sure = [(name, x.chaff) for name, x in named if x.sure]
    right = sum(name == chaff for name, chaff in sure)
    print(
        f"chaffs in another style: {len(found)}; told their misconception: {right}; told another:"
        f" {len(sure) - right}; told what it looks like: {len(named) - len(sure)}"
        f" (rightly {sum(name == x.chaff for name, x in named if not x.sure)})"
    )


def _faults(course: Course, reports: list[Report], internal_errors: list[str], options: CheckOptions) -> int:
    """Name everything that is wrong with the graders; returns the exit code."""
    survivors = _survivors(course, reports) if options.mutants else []
    faults = [
        ("false accept", _named(reports, Report.false_accepts), "add a check that catches it"),
        ("false reject", _named(reports, Report.false_rejects), "a check asks for too much, or it is wrong"),
        ("surviving mutant", survivors, "add a check, or record it in equivalent_mutants.toml"),
        ("fault of ours", internal_errors, ""),
    ]
    for kind, names, repair in faults:
        for name in names:
            print(f"autograder: {kind}: {name}{f' ({repair})' if repair else ''}", file=sys.stderr)
    return 1 if any(names for _, names, _ in faults) else 0


def _named(reports: list[Report], names: Callable[[Report], Iterable[str]]) -> list[str]:
    return [f"{report.id}: {name}" for report in reports for name in names(report)]


def _survivors(course: Course, reports: list[Report]) -> list[str]:
    """Mutants at full marks that nobody has explained; says how many there were of each kind."""
    lines, explained = [], 0
    for report in reports:
        equivalent = read_equivalents(course.graders / report.id)
        alive = [mutant.name for mutant in report.mutants if mutant.mistaken()]
        explained += sum(name in equivalent for name in alive)
        lines += [f"{report.id}: {name}" for name in alive if name not in equivalent]
        gone = equivalent.keys() - {x.name for x in report.mutants}
        lines += [
            f"{report.id}: recorded, but made no more (delete the entry): {name}" for name in sorted(gone)
        ]
    mutants = [mutant for report in reports for mutant in report.mutants]
    killed = sum(not mutant.mistaken() for mutant in mutants)
    print(f"mutants: {len(mutants)}  killed: {killed}  equivalent: {explained}  survivors: {len(lines)}")
    return lines
