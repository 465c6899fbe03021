"""The grading pipeline on one page, from submitted files to grades.

    intake/     find the students, read each notebook, restore its released cells
    workers/    hand each notebook to a worker process, which
    process/    runs its cells in a sandbox and
    grading/    checks each exercise with its hidden grader
    feedback/   add up the scores and write outputs and messages into the notebook
    gradebook/  record the student, then write autograded/

`autograder feedback` turns autograded/ into HTML pages later (feedback/pages.py).
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import NotebookResult, WorkerConfig
from autograder.core.suggestions import did_you_mean
from autograder.course.course import DEFAULT_ASSIGNMENT, Course
from autograder.feedback.progress import Progress
from autograder.feedback.report import print_class, print_notebooks, report
from autograder.feedback.results import finish
from autograder.intake.file_arguments import refuse_other_file
from autograder.intake.strays import stray_submissions
from autograder.intake.students import find_students
from autograder.intake.submission import Submission, open_submission, unreadable_result
from autograder.nbgrader_glue.gradebook_file import how_to_move
from autograder.workers.pool import Pool, available_jobs

Tag = TypeVar("Tag")


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
    """Grade what is in submitted/; write autograded/ and the gradebook. Returns the exit code.

    Raises CourseError if the course or its gradebook cannot be used.
    """
    course = Course(root, assignment)
    for sentence in (*stray_submissions(course), how_to_move(course.root)):
        if sentence:
            print(f"autograder: {sentence}", file=sys.stderr)
    students = find_students(course, patterns)

    from autograder.gradebook.class_record import ClassRecord  # nbgrader takes a second to import
    from autograder.gradebook.writer import GradebookWriter

    with GradebookWriter(course.root, assignment) as gradebook:
        record = ClassRecord(course, gradebook)
        find_earlier = (lambda _: None) if force else record.find
        pending = []
        for student in students:
            pending += [(student, submission) for submission in student.open(course, find_earlier)]
            if not student.pending and any(result.status != "graded" for result in student.results):
                record.save(student)
        jobs = jobs or course.settings.jobs or available_jobs()
        with closing(grade_submissions(course, pending, jobs, device, None, unsafe)) as graded:
            for student, submission, result in graded:
                student.add(submission, result)
                if not student.pending:
                    record.save(student)
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
    assignment: str = DEFAULT_ASSIGNMENT,
) -> int:
    """Grade notebook files without a gradebook; returns the exit code. Raises CourseError."""
    course = Course(root, assignment)
    notebook = notebook and notebook.removesuffix(".ipynb")
    if notebook is not None and notebook not in course.notebooks:
        meant = did_you_mean(notebook, course.notebooks)
        raise CourseError(f"{course.assignment} has no notebook named {notebook!r}: {meant}")
    jobs = course.settings.jobs or available_jobs()
    results: dict[int, NotebookResult] = {}
    pending: list[tuple[int, Submission]] = []
    for number, path in enumerate(files):
        try:
            refuse_other_file(path, notebook)
            pending.append((number, open_submission(course, path, notebook)))
        except Unreadable as error:
            results[number] = unreadable_result(course, path, notebook or path.stem, None, error)
    with closing(grade_submissions(course, pending, jobs, device, seed, unsafe)) as graded:
        for number, _, result in graded:
            results[number] = result
    ordered = [results[number] for number in sorted(results)]
    print_notebooks(ordered)
    return report(course.assignment, device, ordered, json)


def grade_submissions(
    course: Course,
    pending: Sequence[tuple[Tag, Submission]],
    jobs: int,
    device: str,
    seed: int | None,
    unsafe: bool,
) -> Generator[tuple[Tag, Submission, NotebookResult], None, None]:
    """Grade tagged submissions in worker processes, and yield each as soon as it is done.

    Close the generator to end the workers, however the caller's loop ends.
    """
    if not pending:
        return
    seed = course.seed() if seed is None else seed
    unsafe = unsafe or course.settings.unsafe
    config = WorkerConfig(str(course.root), course.assignment, seed, device, diagnose=True, unsafe=unsafe)
    with Pool(config, min(jobs, len(pending))) as pool, Progress(len(pending)) as progress:
        progress.say(pool.sentence)
        for (tag, submission), graded in pool.run([(each, each[1].job()) for each in pending]):
            yield tag, submission, finish(submission, graded)
            student, name = submission.student, submission.name
            progress.step(f"{student}/{name}" if student else submission.path)
