"""Sentences about submitted files, which students and staff read; the others are in wording.py."""

from __future__ import annotations

from collections.abc import Sequence

# -- files handed in beside the notebook -------------------------------------------------------------

RELEASED_IS_USED = "the released file is used"
MAX_NAMED_FILES = 5


def files_left_out(files: Sequence[str]) -> str:
    """Each of `files` is a path with the reason in brackets."""
    more = len(files) - MAX_NAMED_FILES
    named = ", ".join(files[:MAX_NAMED_FILES]) + (f" and {more} more" if more > 0 else "")
    return f"Graded without these files beside the notebook: {named}."


# -- why a file cannot be graded; staff read these too ----------------------------------------------

SUBMIT_AGAIN = "open it in Jupyter, save it and submit it again"


def no_such_file(file: str, meant: str) -> str:
    """`meant` says what else is in its folder, or is empty."""
    return f"{file} does not exist" + (f": {meant}" if meant else ".")


def is_a_folder(file: str) -> str:
    return f"{file} is a folder: name the notebooks in it, for example {file.rstrip('/')}/*.ipynb."


def not_a_file(file: str) -> str:
    return f"{file} is missing or not a regular file: {SUBMIT_AGAIN}."


def too_large(file: str, size: float, limit: float) -> str:
    """`size` and `limit` are in bytes."""
    return (
        f"{file} is {size / 2**20:.0f} MiB, over the limit of {limit / 2**20:.0f} MiB: clear all outputs,"
        " save it and submit it again."
    )


def unreadable_file(file: str, reason: str) -> str:
    return f"{file} cannot be read ({reason})."


def not_a_notebook(file: str, why: str) -> str:
    return f"{file} is not a notebook ({why}): {SUBMIT_AGAIN}."


def reader_failed(file: str, error: Exception) -> str:
    return (
        f"{file} could not be read because of an internal error ({type(error).__name__}: {error}). Nothing of"
        " this student's is changed."
    )


NOT_UTF8 = "it is not UTF-8 text"
NO_CELLS = "it has no cells"


def invalid_json(line: int | None) -> str:
    return "invalid JSON" + (f" at line {line}" if line else "")


def empty_file(file: str) -> str:
    return f"{file} is empty: {SUBMIT_AGAIN}."


def too_many_cells(file: str, cells: int, limit: int) -> str:
    return f"{file} has {cells} cells, over the limit of {limit}."


def link(file: str) -> str:
    return f"{file} is a link, and links are not followed: submit the file itself."


def other_notebook(file: str, exercises: str) -> str:
    return (
        f"{file} contains none of this part's exercises ({exercises}, …). It looks like the notebook of"
        " another assignment: submit the right one."
    )


def unknown_notebook(file: str, assignment: str, notebooks: Sequence[str]) -> str:
    expected = ", ".join(f"{name}.ipynb" for name in notebooks)
    return (
        f"{file} has nothing in common with a notebook of {assignment} ({expected}): submit the right one, or"
        " rename it to the one that it is."
    )


SAY_WHICH = "To grade it all the same, say which notebook it is with --notebook NAME."


# -- which file was graded as which notebook; students and staff read these ---------------------------


def renamed(file: str, notebook: str, by_cells: bool) -> str:
    return f"{file} is graded as {notebook}: its {'cells say' if by_cells else 'name says'} so."


def several_notebooks(file: str, notebooks: Sequence[str]) -> str:
    return f"{file} holds several notebooks and is graded as each of them: {', '.join(notebooks)}."


KNOWN_BY_CELLS = "only this one has its cells"
ONLY_WORK = "only this one was worked on"
SAVED_LAST = "it was saved last"
HIGHEST_NUMBER = "they were saved at the same time, and its name has the highest number"
MOST_CELLS = "they were saved at the same time, and it has the most work in it"
RIGHT_NAME = "they were saved at the same time, and it has the released name"
FIRST_NAME = "they were saved at the same time, and its name comes first"


def newest_file(file: str, notebook: str, others: Sequence[str], why: str) -> str:
    return f"{file} is graded as {notebook}, and not {' or '.join(others)}: {why}."


def not_handed_in(notebook: str, file: str) -> str:
    return f"{notebook} was not handed in: {file} has its name, but not its cells."


def unreadable_copy(file: str, graded: str, why: str) -> str:
    return f"{graded} is graded in place of {file}, which cannot be: {why}"


def refused_name(file: str, notebook: str) -> str:
    """Of nbgrader's own command, which finds files by their names only."""
    return f"{file} holds the cells of {notebook}: {_RENAME.format(notebook)}"


def refused_unknown_name(file: str, assignment: str, missing: str) -> str:
    return (
        f"{file} is not named like a notebook of {assignment}, and {missing}.ipynb is missing:"
        f" {_RENAME.format(missing)}"
    )


_RENAME = "rename it to {}.ipynb, or use `autograder grade`, which recognizes renamed notebooks."
