"""TODO feedback.results."""

from __future__ import annotations

from nbformat import NotebookNode

from autograder.core.cells import is_written, savable, tag_of
from autograder.core.records import Exercise, ExerciseResult, JobResult, NotebookResult
from autograder.feedback.graded_notebook import fill
from autograder.intake.submission import Submission


def finish(submission: Submission, done: JobResult) -> NotebookResult:
    """Add up the result and write outputs, scores and messages into the notebook."""
    automatic = {result.id: result for result in done.exercises}
    results = [
        written_result(submission.notebook, exercise) if exercise.written else automatic[exercise.id]
        for exercise in submission.exercises
        if exercise.written or exercise.id in automatic
    ]
    failed = bool(done.internal_errors)
    if not failed:
        fill(submission.notebook, {cell.number: cell for cell in done.cells}, automatic)
    maximum = sum(x.points for x in submission.exercises if not x.written)
    score = sum(result.score or 0.0 for result in automatic.values())
    fault = f"No score is recorded; the fault is ours: {'; '.join(done.internal_errors)}" if failed else None
    return NotebookResult(
        path=savable(submission.path),
        student=submission.student,
        notebook=submission.name,
        status="failed" if failed else "graded",
        message=fault or done.warning or None,
        score=0.0 if failed else round(score, 2),
        max_score=maximum,
        seconds=done.seconds,
        exercises=tuple(results),
    )


def written_result(notebook: NotebookNode, exercise: Exercise) -> ExerciseResult:
    """A written answer waits for a person; one that was left as it was is 0 without anyone's time."""
    from nbgrader.utils import compute_checksum  # nbgrader takes a second to import

    for cell in notebook.cells:
        tag = tag_of(cell)
        if is_written(cell) and tag.get("grade_id") == exercise.id:
            score = 0.0 if tag.get("checksum") == compute_checksum(cell) else None
            return ExerciseResult(exercise.id, score, exercise.points, "manual")
    return ExerciseResult(exercise.id, 0.0, exercise.points, "manual")
