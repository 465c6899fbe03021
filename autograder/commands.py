"""What `autograder run` and `autograder grade` do."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from autograder.classroom import Classroom, find_students
from autograder.course import DEFAULT_ASSIGNMENT, Course
from autograder.errors import CourseError
from autograder.notebooks import Unreadable
from autograder.pool import Pool, available_jobs
from autograder.progress import Progress
from autograder.records import NotebookResult, Results
from autograder.render import class_table, notebook_table, plain, to_text
from autograder.submission import Submission, finish, open_submission, unreadable
from autograder.worker import Start

# `run` grades files wherever they lie: outside a course, by the one that this package belongs to.
INSTALLED = Path(__file__).parents[1]


def run_files(
    root: Path,
    files: Sequence[Path],
    json: Path | None,
    device: str,
    seed: int | None,
    notebook: str | None,
    unsafe: bool = False,
) -> int:
    """Grade files wherever they lie; returns the exit code."""
    course = Course(root if (root / "source").is_dir() else INSTALLED, DEFAULT_ASSIGNMENT)
    if notebook is not None and notebook not in course.notebooks:
        raise CourseError(f"{course.assignment} has no notebook {notebook!r}: {', '.join(course.notebooks)}.")
    results: dict[int, NotebookResult] = {}
    opened: list[tuple[int, Submission]] = []
    for number, path in enumerate(files):
        try:
            opened.append((number, open_submission(course, path, notebook)))
        except Unreadable as error:
            results[number] = unreadable(course, path, notebook or path.stem, None, error)
    if opened:
        start = _start(course, device, course.seed() if seed is None else seed, unsafe)
        with (
            Pool(start, min(available_jobs(), len(opened))) as pool,
            Progress(len(opened)) as progress,
        ):
            progress.say(pool.sentence)
            by_number = dict(opened)
            for number, done in pool.run([(n, submission.job()) for n, submission in opened]):
                results[number] = finish(by_number[number], done)
                progress.step(str(files[number]))
    ordered = [results[number] for number in sorted(results)]
    for result in ordered:
        print(_shown(result), end="")
    return _finish(course, device, ordered, json)


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
    from autograder.gradebook import GradebookWriter

    course = Course(root, assignment)
    students = find_students(course, patterns)
    with GradebookWriter(course.root, assignment) as writer:
        classroom = Classroom(course, writer, force)
        opened = classroom.open(students)
        if opened:
            start = _start(course, device, course.seed(), unsafe)
            count = min(jobs or course.settings.jobs or available_jobs(), len(opened))
            with Pool(start, count) as pool, Progress(len(opened)) as progress:
                progress.say(pool.sentence)
                for _ in classroom.grade(opened, pool, progress.step):
                    pass
    results = [result for student in students for result in student.results]
    print(_table(class_table(results)), end="")
    if classroom.skipped:
        print(f"{classroom.skipped} notebooks unchanged since they were graded (--force grades them again)")
    return _finish(course, device, results, json)


def _start(course: Course, device: str, seed: int, unsafe: bool) -> Start:
    allowed = unsafe or course.settings.unsafe
    return Start(str(course.root), course.assignment, seed, device, diagnose=True, unsafe=allowed)


def _shown(result: NotebookResult) -> str:
    if result.status != "graded":
        return plain(f"{result.path}: {result.status}\n")
    return _table(notebook_table(result))


def _table(table: object) -> str:
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return to_text(table, shutil.get_terminal_size((110, 24)).columns, color)  # type: ignore[arg-type]


def _finish(course: Course, device: str, results: Sequence[NotebookResult], json: Path | None) -> int:
    """Write the results file, name what could not be graded, and give the exit code."""
    if json is not None:
        data = msgspec.json.encode(Results(course.assignment, device, tuple(results)))
        write_json(json, data)
    bad = [result for result in results if result.status != "graded"]
    for result in bad:
        owner = f"{result.student}: " if result.student else ""
        print(plain(f"autograder: {owner}{result.message}"), file=sys.stderr)
    return 1 if bad else 0


def write_json(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(msgspec.json.format(data, indent=1) + b"\n")
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}): name another --json file.") from None
