"""Every sentence that a student reads, in one place.

A check's own sentences are not here: its docstring says which rule it checks, its hint where to look, and
the docstring of a buggy sample names the misconception (all in tests/<assignment>/<exercise>/). The layout
around these sentences is in feedback/templates/.
"""

from __future__ import annotations

# -- one exercise in the feedback ------------------------------------------------------------------

PASSED = "passed"
NOT_PASSED = "not passed"
NOT_CHECKED = "not checked"
LOOKS_LIKE = "This looks like a known mistake, though it may be another one: "
"""In front of a misconception that only fits the pattern of failed checks."""


def points(exercise: str, score: float, maximum: float) -> str:
    return f"{exercise}: {score:g} of {maximum:g} points"


def visible_example_fails(error: str) -> str:
    return f"The visible example fails: {error}"


def misconception(message: str) -> str:
    """Of a submission whose answers all equal those of a known mistake."""
    return f"What is behind it: {message}"


def hint(text: str) -> str:
    return f"Hint: {text}"


# -- why a check failed ----------------------------------------------------------------------------

NOT_JUDGED = "This check could not be made; the fault is not yours and your instructor has been told."
EXERCISE_TIME_IS_UP = "Not asked: this exercise had used up its time"
PROCESS_ENDED = "Your code ended the Python process (an exit, a crash, far too much memory or disk)"
PROCESS_SILENT = "The notebook's process stopped answering after its cells had run"
OTHER_REQUEST = "What came back answers another question"
OTHER_SHAPE = "What came back is not what was asked for"


def asked(call: str) -> str:
    return f"Asked: {call}"


def came_back(value: str) -> str:
    return f"Came back: {value}"


def raised(error: str, where: str) -> str:
    return f"Your code raised {error}" + (f" ({where})" if where else "")


def still_running(seconds: float) -> str:
    return f"Your code was still running after {seconds:.3g} s"


def cannot_be_read(reason: str) -> str:
    return f"What came back cannot be read: {reason}"


def notebook_out_of_time(seconds: float) -> str:
    return f"Not asked: the notebook had used up its {seconds:g} s in all"


def exercise_out_of_time(seconds: float) -> str:
    return f"Not asked: this exercise had used up its {seconds:g} s"


# -- why a cell was stopped or left out, in brackets under the cell ---------------------------------

OUTPUTS_LEFT_OUT = "its outputs were left out: together they are over the limit"
TOO_MANY_LEFT_OUT = "not run: too many cells before it had to be left out"
CELL_ENDED_PROCESS = "left out: it ended the Python process"
OUTPUT_CUT = "\n[output cut here: it was over the limit]\n"


def cell_not_run(seconds: float) -> str:
    return f"not run: the notebook had used up its {seconds:g} s"


def cell_did_not_stop(seconds: float) -> str:
    return f"left out: it did not stop after {seconds:.3g} s, not even when interrupted"


def cell_interrupted(seconds: float) -> str:
    return f"interrupted after {seconds:.3g} s"


def cell_answered_nonsense(reason: str) -> str:
    return f"left out: the process answered nonsense ({reason})"


def too_long_to_show(characters: int) -> str:
    return f"[{characters} characters of HTML are too long to show here]"


# -- why a file cannot be graded; staff read these too ----------------------------------------------

SUBMIT_AGAIN = "open it in Jupyter, save it and submit it again"


def not_a_file(file: str) -> str:
    return f"{file} is missing or not a regular file: {SUBMIT_AGAIN}."


def too_large(file: str, size: float, limit: float) -> str:
    """`size` and `limit` are bytes."""
    return (
        f"{file} is {size / 2**20:.0f} MiB, over the limit of {limit / 2**20:.0f}: clear all outputs, save"
        " it and submit it again."
    )


def unreadable_file(file: str, reason: str) -> str:
    return f"{file} cannot be read ({reason})."


def not_a_notebook(file: str, why: str) -> str:
    return f"{file} is not a notebook ({why}): {SUBMIT_AGAIN}."


def empty_file(file: str) -> str:
    return f"{file} is empty: {SUBMIT_AGAIN}."


def too_many_cells(file: str, cells: int, limit: int) -> str:
    return f"{file} has {cells} cells, over the limit of {limit}."


def link(file: str) -> str:
    return f"{file} is a link, and links are not followed: hand in the file itself."


def other_notebook(file: str, exercises: str) -> str:
    return (
        f"{file} holds none of this part's exercises ({exercises}, …): it looks like the notebook of"
        " another assignment; submit the right one."
    )


def misnamed(file: str, assignment: str, expected: str) -> str:
    return f"{file} is not named like a notebook of {assignment} ({expected}): rename it and grade again."
