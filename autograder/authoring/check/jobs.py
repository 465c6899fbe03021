"""What `autograder check` grades: for each exercise the stub, the reference, the samples and the mutants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from autograder.authoring.check.mutants import mutants_of, read_equivalents
from autograder.authoring.check.restyle import restyled
from autograder.core.errors import CourseError
from autograder.core.records import CodeCell, Exercise, GradeJob
from autograder.core.suggestions import did_you_mean
from autograder.course.course import Course
from autograder.course.reference_solutions import only_imports, without_markers
from autograder.course.samples import Sample, read_samples
from autograder.course.solution_regions import defined_names


class SampleId(NamedTuple):
    """Which sample of which exercise; `kind` is stub, reference, wheat, chaff, restyled or mutant."""

    exercise: str
    kind: str
    name: str


CheckJob = tuple[SampleId, GradeJob]


def refuse_mismatched_folders(course: Course) -> None:
    """Raise CourseError unless automatic exercises and the folders of their graders match one to one."""
    automatic = _automatic(course).keys()
    folders = {path.parent.name for path in course.graders.glob("*/test_*.py")}
    mismatches = [
        f"the exercise {name} has no grader: make {course.graders / name}/test_{name}.py, or take the cell"
        " out of the notebook"
        for name in sorted(automatic - folders)
    ]
    mismatches += [
        f"{course.graders / name} grades no exercise: give a test cell the grade_id {name!r}, or delete"
        " the folder"
        for name in sorted(folders - automatic)
    ]
    if mismatches:
        raise CourseError(";\nautograder: ".join(mismatches) + ".")


def exercises_named(course: Course, names: Sequence[str]) -> list[Exercise]:
    """The automatic exercises with these names; all of them if there are no names.

    Raises CourseError if there is no such exercise.
    """
    automatic = _automatic(course)
    for name in names:
        if name not in automatic:
            raise CourseError(
                f"{course.assignment} has no automatic exercise {name!r}: {did_you_mean(name, automatic)}"
            )
    return [automatic[name] for name in names] if names else list(automatic.values())


def _automatic(course: Course) -> dict[str, Exercise]:
    return {x.id: x for x in course.exercises.values() if not x.written}


def check_jobs(
    course: Course, exercise: Exercise, with_restyled: bool = False, with_mutants: bool = False
) -> list[CheckJob]:
    """The jobs of one exercise.

    A sample or mutant is graded on top of the whole reference solution and replaces its name there.
    Raises CourseError if a sample or equivalent_mutants.toml is malformed.
    """
    solution = CodeCell(0, course.solution_file(exercise.notebook).read_text(encoding="utf-8"))

    def on_reference(kind: str, name: str, source: str) -> CheckJob:
        job = GradeJob([solution, CodeCell(1, source)], [exercise], until_failure=kind == "mutant")
        return SampleId(exercise.id, kind, name), job

    jobs: list[CheckJob] = [
        (
            SampleId(exercise.id, "reference", "reference"),
            GradeJob([solution, *_visible_example(course, exercise)], [exercise]),
        ),
        (SampleId(exercise.id, "stub", "stub"), GradeJob(_stub(course, exercise), [exercise])),
    ]
    samples = read_samples(course.graders / exercise.id)
    _refuse_unknown_targets(course, exercise, samples)
    jobs += [on_reference(x.kind, x.name, x.source) for x in samples]
    if with_restyled:
        jobs += [on_reference("restyled", x.name, restyled(x.source)) for x in samples if x.kind == "chaff"]
    if with_mutants:
        read_equivalents(course.graders / exercise.id)  # refuse a malformed file before grading starts
        jobs += [on_reference("mutant", name, source) for name, source in mutants_of(course, exercise.id)]
    return jobs


def _refuse_unknown_targets(course: Course, exercise: Exercise, samples: list[Sample]) -> None:
    """A sample for a name that the exercise does not ask for would be graded as the reference."""
    known = defined_names(without_markers(course.cell(f"{exercise.id}_solution")))
    for sample in samples:
        if sample.target not in known:
            kind = "correct sample" if sample.kind == "wheat" else "buggy sample"
            raise CourseError(
                f"{course.graders / exercise.id}, {kind} {sample.name}: it replaces {sample.target!r},"
                f" which {exercise.id}_solution does not define ({', '.join(known)}): correct the name."
            )


def _visible_example(course: Course, exercise: Exercise) -> list[CodeCell]:
    """The notebook's imports and the exercise's visible example, to run on the reference."""
    cells = course.notebooks[exercise.notebook].cells
    plain = [x for x in cells if x.kind == "code" and not x.is_grade and not x.is_solution]
    sources = [x.source for x in plain if only_imports(x.source)] + [course.cell(exercise.id).source]
    return [CodeCell(number, source) for number, source in enumerate(sources, 1)]


def _stub(course: Course, exercise: Exercise) -> list[CodeCell]:
    """The code cells of the released notebook, unchanged."""
    from autograder.intake.skeleton import code_cells, read_skeleton

    released = read_skeleton(course.release / f"{exercise.notebook}.ipynb")
    return code_cells(released, released)
