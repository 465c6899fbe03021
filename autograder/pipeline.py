"""The whole corridor on one page: from submitted files to grades.

    intake/     find the students, read each notebook, restore its released cells
    workers/    hand each notebook to a worker process, which
    process/    runs the cells in a sandbox and
    grading/    puts every exercise before its hidden grader
    feedback/   adds up the result and writes outputs and messages into the notebook
    gradebook/  records the student, then writes autograded/

`autograder feedback` makes pages from autograded/ later (feedback/pages.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import NotebookResult, WorkerConfig
from autograder.course.course import DEFAULT_ASSIGNMENT, Course
from autograder.feedback.progress import Progress
from autograder.feedback.report import print_class, print_notebooks, report
from autograder.feedback.results import finish
from autograder.intake.students import find_students
from autograder.intake.submission import Submission, open_submission, unreadable
from autograder.workers.pool import Pool, available_jobs

# `run` grades files wherever they are; outside a course, by the course that this package belongs to.
INSTALLED = Path(__file__).parents[1]


def grade_class(
    root: Path,
    assignment: str,
    patterns: Sequence[str],
    jobs: int,
    device: str,
    force: bool,
    json: Path | None,
    unsafe: bool = False,
) -> int:
    """Grade submitted/ into autograded/ and the gradebook; returns the exit code."""
    from autograder.gradebook.class_record import ClassRecord  # nbgrader takes a second to import
    from autograder.gradebook.writer import GradebookWriter

    course = Course(root, assignment)
    students = find_students(course, patterns)
    with GradebookWriter(course.root, assignment) as gradebook:
        record = ClassRecord(course, gradebook)
        opened = []
        for student in students:
            opened += [(student, x) for x in student.open(course, (lambda _: None) if force else record.find)]
            if not student.waiting and any(result.status != "graded" for result in student.results):
                record.save(student)
        if opened:
            config = _config(course, device, course.seed(), unsafe)
            count = min(jobs or course.settings.jobs or available_jobs(), len(opened))
            with Pool(config, count) as pool, Progress(len(opened)) as progress:
                progress.say(pool.sentence)
                for (student, submission), graded in pool.run([(pair, pair[1].job()) for pair in opened]):
                    student.add(submission, finish(submission, graded))
                    if not student.waiting:
                        record.save(student)
                    progress.step(f"{student.name}/{submission.name}")
    results = [result for student in students for result in student.results]
    print_class(results, skipped=sum(student.skipped for student in students))
    return report(course.assignment, device, results, json)


def run_files(
    root: Path,
    files: Sequence[Path],
    json: Path | None,
    device: str,
    seed: int | None,
    notebook: str | None,
    unsafe: bool = False,
) -> int:
    """Grade notebook files wherever they are, without a gradebook; returns the exit code."""
    course = Course(root if (root / "source").is_dir() else INSTALLED, DEFAULT_ASSIGNMENT)
    if notebook is not None and notebook not in course.notebooks:
        raise CourseError(
            f"{course.assignment} has no notebook named {notebook!r}: {', '.join(course.notebooks)}."
        )
    results: dict[int, NotebookResult] = {}
    opened: dict[int, Submission] = {}
    for number, path in enumerate(files):
        try:
            opened[number] = open_submission(course, path, notebook)
        except Unreadable as error:
            results[number] = unreadable(course, path, notebook or path.stem, None, error)
    if opened:
        config = _config(course, device, course.seed() if seed is None else seed, unsafe)
        with Pool(config, min(available_jobs(), len(opened))) as pool, Progress(len(opened)) as progress:
            progress.say(pool.sentence)
            for number, graded in pool.run([(n, submission.job()) for n, submission in opened.items()]):
                results[number] = finish(opened[number], graded)
                progress.step(str(files[number]))
    ordered = [results[number] for number in sorted(results)]
    print_notebooks(ordered)
    return report(course.assignment, device, ordered, json)


def _config(course: Course, device: str, seed: int, unsafe: bool) -> WorkerConfig:
    allowed = unsafe or course.settings.unsafe
    return WorkerConfig(str(course.root), course.assignment, seed, device, diagnose=True, unsafe=allowed)
