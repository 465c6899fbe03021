"""Grade a sample class from end to end in a copy of the course."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from autograder.core.errors import CourseError
from autograder.course.course import DEFAULT_ASSIGNMENT, Course
from autograder.demo.folder import scratch_copy
from autograder.nbgrader_glue.config import database_url
from autograder.nbgrader_glue.gradebook_file import DATABASE_VARIABLE, class_gradebook


def run_demo(root: Path, folder: Path, assignment: str = DEFAULT_ASSIGNMENT) -> int:
    """Create the class in `folder`, grade it, write feedback, and print where to find everything.

    Returns the exit code: 1 if a submission could not be graded that should have been. Raises CourseError if
    `folder` holds something other than an earlier demo.
    """
    from autograder.demo.sample_class import sample_class, submit  # nbformat takes a second to import
    from autograder.feedback.pages import write_feedback
    from autograder.pipeline import grade_class

    start = time.monotonic()
    course = scratch_copy(Course(root, assignment), folder)
    _use_own_gradebook(course.root)
    students = sample_class(course)
    for student in students:
        submit(course, student)
    files = len(list((course.root / "submitted").rglob("*.ipynb")))
    print(f"{len(students)} students have submitted {files} notebooks.\n", file=sys.stderr)
    results = course.root / "results.json"
    grade_class(course.root, assignment, [], 0, "cpu", True, results, unsafe=True)
    pages = write_feedback(course.root, assignment, [])
    print(f"""
feedback   {len(pages)} pages, for example {pages[0]}
results    {results}
gradebook  {class_gradebook(course.root)}
course     {course.root}  (try nbgrader export, autograder grade --force, or formgrader there)

{time.monotonic() - start:.0f} s in total.""")
    ungraded = _ungraded(results)
    expected = {student.name for student in students if student.ungradable}
    if ungraded:
        surprise = "see above" if ungraded - expected else "as expected: see above"
        print(f"Could not be graded: {', '.join(sorted(ungraded))}, {surprise}.")
    return 1 if ungraded - expected else 0


def _use_own_gradebook(root: Path) -> None:
    """Keep the sample class out of every gradebook but the demo's own."""
    os.environ.pop(DATABASE_VARIABLE, None)  # it names the real one
    if str(class_gradebook(root)) not in database_url(root):
        raise CourseError(
            "nbgrader_config.py sets c.CourseDirectory.db_url to a fixed database, and the sample class must"
            " not be recorded in it: set NBGRADER_DB_URL instead, which the demo does not use."
        )


def _ungraded(results: Path) -> set[str]:
    """The students with a submission that could not be graded."""
    found = json.loads(results.read_text(encoding="utf-8"))["results"]
    return {str(x["student"]) for x in found if x["status"] != "graded"}
