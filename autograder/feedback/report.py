"""Report what was graded: tables on stdout, problems on stderr, the results in a file."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table

from autograder.core.records import NotebookResult, Results
from autograder.feedback.json_report import write_json
from autograder.feedback.terminal import class_table, notebook_table, plain, to_text


def print_class(results: Sequence[NotebookResult], skipped: int, outdated: Sequence[str] = ()) -> None:
    """Print one row for each student, and how many notebooks were not graded again, or had to be.

    `outdated` says for each earlier result that no longer counted what has changed since.
    """
    print(_fit(class_table(results)), end="")
    if outdated:
        changed = ", ".join(dict.fromkeys(part for parts in outdated for part in parts.split(", ")))
        depend = "it depends" if len(outdated) == 1 else "they depend"
        print(f"{_notebooks(len(outdated))} graded again, since what {depend} on has changed: {changed}.")
    if skipped:
        were, them = ("it was", "it") if skipped == 1 else ("they were", "them")
        print(f"{_notebooks(skipped)} unchanged since {were} graded; use --force to grade {them} again.")


def _notebooks(count: int) -> str:
    return "1 notebook" if count == 1 else f"{count} notebooks"


def print_notebooks(results: Sequence[NotebookResult]) -> None:
    """Print a table for each notebook, or one line if it could not be graded."""
    for result in results:
        if result.status == "graded":
            print(_fit(notebook_table(result)), end="")
        else:
            print(plain(f"{result.path}: {result.status}"))


def report(assignment: str, device: str, results: Sequence[NotebookResult], json: Path | None) -> int:
    """Write the results file and name each notebook that was not graded; returns the exit code.

    Raises CourseError if the file cannot be written.
    """
    if json is not None:
        write_json(json, msgspec.json.encode(Results(assignment, device, tuple(results))))
    ungraded = [result for result in results if result.status != "graded"]
    for result in ungraded:
        owner = f"{result.student}: " if result.student else ""
        print(plain(f"autograder: {owner}{result.message}"), file=sys.stderr)
    return 1 if ungraded else 0


def _fit(table: Table) -> str:
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return to_text(table, shutil.get_terminal_size((110, 24)).columns, color)
