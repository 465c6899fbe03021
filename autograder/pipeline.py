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

from autograder.core import file_wording
from autograder.core.errors import CourseError, Unreadable
from autograder.core.records import NotebookResult
from autograder.core.suggestions import did_you_mean
from autograder.course.course import DEFAULT_ASSIGNMENT, Course
from autograder.course.fingerprint import Fingerprints
from autograder.course.release_state import refuse_outdated_release
from autograder.feedback.progress import Progress
from autograder.feedback.report import print_class, print_notebooks, report
from autograder.feedback.results import finish
from autograder.intake.beside import Beside, beside_from
from autograder.intake.file_arguments import refuse_other_file
from autograder.intake.recognition import Unrecognized, named_like
from autograder.intake.strays import stray_submissions
from autograder.intake.students import find_students
from autograder.intake.submission import Submission, open_file, open_submission, unreadable_result
from autograder.nbgrader_glue.gradebook_file import how_to_move
from autograder.workers.card import Card, config_for, jobs_on, resolve_device
from autograder.workers.pool import Pool, available_jobs

Tag = TypeVar("Tag")
Place = tuple[int, str]
"""The number of a file on the command line, and a notebook that it holds."""


def grade_class(
    root: Path,
    assignment: str,
    patterns: Sequence[str],
    jobs: int,
    device: str | None,
    force: bool,
    json: Path | None,
    unsafe: bool = False,
) -> int:
    """Grade what is in submitted/; write autograded/ and the gradebook. Returns the exit code.

    `device` is "cpu", "cuda", "auto", or None for the setting. Raises CourseError if the course or its
    gradebook cannot be used, and NoCard if no GPU can be that is asked for.
    """
    course = Course(root, assignment)
    refuse_outdated_release(course)
    _warn(*stray_submissions(course), how_to_move(course.root))
    students = find_students(course, patterns)
    device, card = resolve_device(device, course.settings)

    from autograder.gradebook.class_record import ClassRecord  # nbgrader takes a second to import
    from autograder.gradebook.writer import GradebookWriter

    fingerprints = Fingerprints(course, device, course.seed(), unsafe or course.settings.unsafe)
    with GradebookWriter(course.root, assignment) as gradebook:
        gradebook.refuse_outdated(course)
        record = ClassRecord(course, gradebook, fingerprints)
        lost = record.lost()
        _warn(lost)
        find_earlier = (lambda _: None) if force else record.find
        pending = []
        for student in students:
            try:
                pending += [(student, submission) for submission in student.open(course, find_earlier)]
            except Exception as error:
                if isinstance(error, CourseError):
                    raise  # nobody can be graded
                student.results = [unreadable_result(course, student.folder, "", student.name, error)]
                continue
            if not student.pending:  # unchanged notebooks, but perhaps another time or one file less
                record.save(student)
        jobs = jobs or course.settings.jobs or available_jobs()
        with closing(grade_submissions(course, pending, jobs, card, None, unsafe)) as graded:
            for student, submission, result in graded:
                student.add(submission, result)
                if not student.pending:
                    record.save(student)
    results = [result for student in students for result in student.ordered_results(course)]
    print_class(results, skipped=sum(student.skipped for student in students), outdated=record.outdated)
    _warn(lost)  # again, where it cannot be overlooked: the next run will not know
    return report(course.assignment, device, results, json)


def _warn(*sentences: str | None) -> None:
    for sentence in filter(None, sentences):
        print(f"autograder: {sentence}", file=sys.stderr)


def run_files(
    root: Path,
    files: Sequence[Path],
    json: Path | None,
    device: str | None,
    seed: int | None,
    notebook: str | None,
    unsafe: bool = False,
    beside: Sequence[Path] = (),
    assignment: str = DEFAULT_ASSIGNMENT,
) -> int:
    """Grade notebook files without a gradebook; returns the exit code. Raises CourseError.

    `beside` names files and folders to put beside each notebook: what else is in a notebook's folder may be
    other people's.
    """
    course = Course(root, assignment)
    refuse_outdated_release(course)
    notebook = notebook and notebook.removesuffix(".ipynb")
    if notebook is not None and notebook not in course.notebooks:
        meant = did_you_mean(notebook, course.notebooks)
        raise CourseError(f"{course.assignment} has no notebook named {notebook!r}: {meant}")
    device, card = resolve_device(device, course.settings)
    jobs = course.settings.jobs or available_jobs()
    pending, results = _open_files(course, files, notebook, beside_from(course, beside))
    with closing(grade_submissions(course, pending, jobs, card, seed, unsafe)) as graded:
        for place, _, result in graded:
            results[place] = result
    ordered = [results[place] for place in sorted(results)]
    print_notebooks(ordered)
    return report(course.assignment, device, ordered, json)


def _with_option(error: Exception) -> Exception:
    """`autograder run` can grade a notebook that it does not recognize."""
    return Unreadable(f"{error} {file_wording.SAY_WHICH}") if isinstance(error, Unrecognized) else error


def _open_files(
    course: Course, files: Sequence[Path], notebook: str | None, beside: Beside
) -> tuple[list[tuple[Place, Submission]], dict[Place, NotebookResult]]:
    """The submissions to grade, and the results of the files that cannot be graded."""
    pending: list[tuple[Place, Submission]] = []
    refused: dict[Place, NotebookResult] = {}
    for number, path in enumerate(files):
        try:
            refuse_other_file(path)
            if notebook:
                found = [open_submission(course, path, notebook, beside=beside)]
            else:
                found = open_file(course, path, beside=beside)
            pending += [((number, submission.name), submission) for submission in found]
        except Exception as error:
            if isinstance(error, CourseError) and not isinstance(error, Unreadable):
                raise  # no file can be graded
            name = notebook or named_like(course, path.name) or path.stem
            refused[number, name] = unreadable_result(course, path, name, None, _with_option(error))
    return pending, refused


def grade_submissions(
    course: Course,
    pending: Sequence[tuple[Tag, Submission]],
    jobs: int,
    card: Card | None,
    seed: int | None,
    unsafe: bool,
) -> Generator[tuple[Tag, Submission, NotebookResult], None, None]:
    """Grade tagged submissions in worker processes, on the card if there is one; yield each when it is done.

    Close the generator to end the workers, however the caller's loop ends.
    """
    if not pending:
        return
    seed = course.seed() if seed is None else seed
    unsafe = unsafe or course.settings.unsafe
    config = config_for(course, seed, card, unsafe)
    jobs = jobs_on(card, min(jobs, len(pending)), course.settings.memory)
    with Pool(config, jobs) as pool, Progress(len(pending)) as progress:
        progress.say(pool.sentence)
        for (tag, submission), graded in pool.run([(each, each[1].job) for each in pending]):
            yield tag, submission, finish(submission, graded)
            student, name = submission.student, submission.name
            progress.step(f"{student}/{name}" if student else submission.path)
