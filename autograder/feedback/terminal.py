"""Results as tables for a terminal."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from autograder.core.records import ExerciseResult, NotebookResult, total
from autograder.core.statuses import STATUSES

LONG_NAME = 40
"""Characters of a student's name in one line: more would leave no room for what else is in the table."""


def to_text(table: Table, width: int, color: bool) -> str:
    """Render a table as text, `width` characters wide; without `color` it has no escape codes."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, no_color=not color, legacy_windows=False,
        markup=False, emoji=False, highlight=False,  # a file may be called [/b].ipynb
    )  # fmt: skip
    console.print(table)
    return out.getvalue()


def plain(text: str) -> str:
    """Replace control characters with `?`: a file name may contain an escape code."""
    return "".join(x if x.isprintable() or x == "\n" else "?" for x in text)


def notebook_table(result: NotebookResult) -> Table:
    """A table of one notebook: each exercise with its score, its status and what went wrong."""
    title = f"{plain(result.path)}  {_score(result)}"
    table = Table(title=title, title_justify="left", show_lines=False, pad_edge=False)
    table.add_column("exercise", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("what went wrong", overflow="fold")
    for exercise in result.exercises:
        table.add_row(exercise.id, _score(exercise), exercise.status, what_went_wrong(exercise))
    if result.message:
        table.caption, table.caption_justify = plain(result.message), "left"
    return table


def _score(result: ExerciseResult | NotebookResult) -> str:
    score = "-" if result.score is None else f"{result.score:g}"
    return f"{score}/{result.max_score:g}"


def what_went_wrong(exercise: ExerciseResult) -> str:
    """The misconception if it is known, else the rule of the first failed check, else nothing."""
    if exercise.diagnosis:
        return plain(exercise.diagnosis.message)
    failed = [check for check in exercise.checks if check.passed is False]
    return plain(failed[0].message.splitlines()[0]) if failed else ""


def class_table(results: Sequence[NotebookResult]) -> Table:
    """A table of a class, with one row for each student."""
    table = Table(show_lines=True, pad_edge=False)
    longest = max((len(result.student or result.path) for result in results), default=0)
    table.add_column("student", overflow="fold", min_width=min(longest, LONG_NAME), max_width=LONG_NAME)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("lost points in", overflow="fold")
    table.add_column("misconception, or first failed check", overflow="fold", ratio=1)
    students = sorted({result.student or result.path for result in results})
    for student in students:
        mine = [result for result in results if (result.student or result.path) == student]
        table.add_row(plain(student), *class_row(mine))
    return table


def class_row(results: Sequence[NotebookResult]) -> tuple[str, str, str]:
    """One student's score, the exercises that lost points, and what went wrong.

    The score is of the graded notebooks; a notebook without one adds "-" and its own maximum. Names at most
    six exercises and three misconceptions.
    """
    lost = [x for r in results for x in r.exercises if STATUSES[x.status].listed]
    names = ", ".join(f"{x.id} ({x.status})" for x in lost[:6])
    names += f" and {len(lost) - 6} more" if len(lost) > 6 else ""
    sentences = list(dict.fromkeys(plain(result.message) for result in results if result.message))
    known = [x for x in lost if x.diagnosis] or lost[:1]
    sentences += [f"{x.id}: {what_went_wrong(x)}" for x in known[:3] if what_went_wrong(x)]
    return _class_score(results), names or "-", "\n".join(sentences) or "-"


def _class_score(results: Sequence[NotebookResult]) -> str:
    scored = [result for result in results if result.score is not None]
    parts = []
    if scored:
        score, maximum = total(x.score for x in scored), total(x.max_score for x in scored)
        parts.append(f"{score:g}/{maximum:g}")
    if len(scored) < len(results):
        maximum = total(x.max_score for x in results if x.score is None)
        parts.append(f"-/{maximum:g}" if maximum else "-")
    return ", ".join(parts)
