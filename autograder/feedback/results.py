"""Turn what a worker returned into the result of a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from autograder.core.cells import is_written, savable, tag_of
from autograder.core.records import Exercise, ExerciseResult, JobResult, NotebookResult, total
from autograder.course.fingerprint import Fingerprint
from autograder.feedback.graded_notebook import fill, put_first, unscored
from autograder.intake.submission import Submission

if TYPE_CHECKING:
    from nbformat import NotebookNode


def finish(submission: Submission, graded: JobResult) -> NotebookResult:
    """Add up the scores, and write outputs, scores and feedback into the submission's notebook.

    After an internal error the notebook stays as it is and no score is given.
    """
    automatic = {result.id: result for result in graded.exercises}
    results = [
        _written_result(submission.notebook, exercise) if exercise.written else automatic[exercise.id]
        for exercise in submission.exercises
        if exercise.written or exercise.id in automatic
    ]
    errors = [*graded.internal_errors]
    if not errors:
        fill(submission.notebook, {cell.number: cell for cell in graded.cells}, automatic)
        errors += [f"{grade_id} was not graded" for grade_id in unscored(submission.notebook)]
        if submission.note:
            put_first(submission.notebook, submission.note)
    failed = bool(errors)
    message = " ".join(filter(None, (submission.note, graded.warning, submission.beside.note))) or None
    if failed:
        message = f"No score is recorded because of an internal error: {'; '.join(errors)}"
    return NotebookResult(
        path=savable(submission.path),
        student=submission.student,
        notebook=submission.name,
        status="failed" if failed else "graded",
        message=message,
        score=None if failed else total(result.score for result in automatic.values()),
        max_score=total(x.points for x in submission.exercises if not x.written),
        seconds=graded.seconds,
        exercises=tuple(results),
    )


def store_result(submission: Submission, result: NotebookResult, fingerprint: Fingerprint) -> None:
    """Keep the result in the notebook's metadata, with what it was graded from and with.

    That is the digest of the submission and the fingerprint of everything else that the result depends on.
    """
    submission.notebook.metadata["autograder"] = {
        "submission": submission.digest,
        "fingerprint": fingerprint,
        "result": msgspec.to_builtins(result),
    }


def _written_result(notebook: NotebookNode, exercise: Exercise) -> ExerciseResult:
    """A written answer has no score until a person grades it; one that was left unchanged scores 0."""
    from nbgrader.utils import compute_checksum  # nbgrader takes a second to import

    for cell in notebook.cells:
        tag = tag_of(cell)
        if is_written(cell) and tag.get("grade_id") == exercise.id:
            score = 0.0 if tag.get("checksum") == compute_checksum(cell) else None
            return ExerciseResult(exercise.id, score, exercise.points, "manual")
    return ExerciseResult(exercise.id, 0.0, exercise.points, "manual")
