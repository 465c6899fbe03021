"""Every sentence that a student reads, in one place; those about files are in file_wording.py.

The exceptions come from tests/<assignment>/<exercise>/: a check's docstring states the rule, its hint says
where to look, and a buggy sample's docstring names the misconception. The layout around these sentences is in
feedback/templates/. A `reason` below is the text of the exception that was caught.
"""

from __future__ import annotations

# -- the released notebook -------------------------------------------------------------------------

YOUR_CODE_HERE = "# YOUR CODE HERE"


NOT_WRITTEN = "is not written yet"


def not_written_yet(name: str) -> str:
    return f"{name} {NOT_WRITTEN}"


# -- one exercise in the feedback ------------------------------------------------------------------

PASSED = "passed"
NOT_PASSED = "not passed"
NOT_CHECKED = "not checked"
LOOKS_LIKE = "This looks like a known mistake, though it may be a different one: "
"""Precedes a misconception that only fits the pattern of failed checks."""


def points(exercise: str, score: float, maximum: float) -> str:
    return f"{exercise}: {score:g} of {maximum:g} point{'s' * (maximum != 1)}"


def score(points: float) -> str:
    """Labels the bare number that nbgrader reads from a test cell's first output."""
    return f"Score: {points:g}"


def visible_example_fails(error: str) -> str:
    return f"The visible example fails: {error}"


def visible_example_did_not_run(note: str) -> str:
    """`note` says why the cell was stopped or left out; see below."""
    return f"The visible example did not run to its end: {note}"


def misconception(message: str) -> str:
    """Introduce the misconception of a submission whose answers all equal those of a known mistake."""
    return f"Likely cause: {message}"


def hint(text: str) -> str:
    return f"Hint: {text}"


NO_RESPONSE = "No response."
"""nbgrader's own comment on a written answer that was left unchanged."""
OUTPUT_ALT = "output of this cell"
"""The alt text of every picture that a cell displays."""


# -- why a check failed ----------------------------------------------------------------------------

NOT_JUDGED = "This check could not be run. That is not your fault, and your instructor has been told."
EXERCISE_TIME_IS_UP = "Not run: this exercise had used up its time"
PROCESS_SILENT = "Your notebook's process stopped responding after its cells had run"
OTHER_REQUEST = "Your notebook's response belongs to a different request"
OTHER_SHAPE = "Your notebook's response is not the kind of value that was asked for"


def checked(call: str) -> str:
    """`call` is a function call, the name of a variable, or a description of what was tried."""
    return f"Checked: {call}"


def got(value: str) -> str:
    return f"Got: {value}"


def also_changed(things: list[str]) -> str:
    return f"It also changed: {', '.join(things)}"


def place(cell: str, line: object, source: str = "") -> str:
    """`cell` is the number in brackets that Jupyter shows beside the cell."""
    return f"In [{cell}], line {line}" + (f": {source}" if source else "")


def raised(error: str, where: str) -> str:
    return f"Your code raised {error}" + _in_brackets(where)


def out_of_memory(error: str, where: str) -> str:
    return f"Your code ran out of memory: {error}" + _in_brackets(where)


def unwritten(text: str, where: str) -> str:
    """`text` is the message of a stub; a student may have emptied it."""
    place, _, _ = where.partition(":")  # the line itself says the same
    return (text or "Your code raises NotImplementedError: it is not written yet") + _in_brackets(place)


def _in_brackets(where: str) -> str:
    return f" ({where})" if where else ""


def not_defined(name: str) -> str:
    return f"The notebook does not define {name}"


def solution_cell_failed(error: str) -> str:
    """`error` is what stopped the cell, with its line."""
    return f"The cell that should define it stopped with {error}"


GPU_UNUSABLE = "After the error before, your notebook's process could no longer use the GPU"
NOT_ON_DEVICE = "what came back is not on that device"
ARRAY_FROM_DEVICE = (
    "a tensor on that device was asked for its numbers as a NumPy array, which only the CPU can give"
)


def devices_mixed(operation: str) -> str:
    """`operation` is the first one in which tensors on two devices met, or empty."""
    return "tensors on two devices met" + (f" in {operation}" if operation else "")


def raised_on_device(kind: str) -> str:
    return f"a {kind} was raised" if kind[:1] not in "AEIOUaeiou" else f"an {kind} was raised"


def still_running(seconds: float) -> str:
    return f"Your code was still running after {seconds:.3g} s"


def cannot_be_read(reason: str) -> str:
    return f"Your notebook's response cannot be read: {reason}"


def notebook_out_of_time(seconds: float) -> str:
    return f"Not run: the notebook had used up its {seconds:g} s in total"


def exercise_out_of_time(seconds: float) -> str:
    return f"Not run: this exercise had used up its {seconds:g} s"


# -- how the Python process ended: follows "Your code" or "it" ---------------------------------------

ENDED = "ended the Python process"
ENDED_SOMEHOW = "ended the Python process (it was killed: by itself, or because it used far too much memory)"


def ended_process(did: str) -> str:
    return f"Your code {did}"


def crashed(signal: str) -> str:
    return f"crashed the Python process ({signal})"


def used_too_much_memory(limit: float) -> str:
    """`limit` is in bytes."""
    return f"used too much memory (more than {limit / 2**30:.3g} GiB in all, or more than this machine has)"


def used_too_much_gpu_memory(limit: float) -> str:
    """`limit` is in bytes."""
    return f"used too much GPU memory (more than {limit / 2**30:.3g} GiB in all)"


def wrote_too_much(size: float, files: int) -> str:
    """`size` is in bytes."""
    return f"wrote too much to disk (more than {size / 2**20:.4g} MiB or {files} files)"


def used_up_cpu_time(seconds: float) -> str:
    return f"used up its {seconds:g} s of processor time"


# -- why a cell was stopped or left out, in brackets under the cell ---------------------------------

OUTPUTS_LEFT_OUT = "outputs left out: together they are over the limit"
TOO_MANY_LEFT_OUT = "not run: too many earlier cells had to be left out"
OUTPUT_CUT = "\n[output cut here: it was over the limit]\n"


def cell_ended_process(did: str) -> str:
    """`did` is one of the phrases below."""
    return f"left out: it {did}"


def cell_not_run(seconds: float) -> str:
    return f"not run: the notebook had used up its {seconds:g} s"


def cell_did_not_stop(seconds: float) -> str:
    return f"left out: it did not stop after {seconds:.3g} s, even when interrupted"


def cell_interrupted(seconds: float) -> str:
    return f"interrupted after {seconds:.3g} s"


def cell_sent_invalid_response(reason: str) -> str:
    return f"left out: the process sent an invalid response ({reason})"


def picture_not_loaded(address: str) -> str:
    return f"[picture not loaded, since it is not part of the notebook: {address}]"


def too_long_to_show(characters: int) -> str:
    return f"[HTML of {characters} characters: too long to show here]"


# -- lines that have no effect where notebooks are graded, on stderr of their cell ------------------

WHERE = "where notebooks are graded"


def no_module(name: str) -> str:
    return f"No module named {name!r} {WHERE}"


def import_failed(reason: str) -> str:
    return f"{reason}. Only what uses it fails; the rest of this cell was run."


def line_left_out(line: str, reason: str) -> str:
    return f"Left out: {line} ({reason.rstrip('.')}). The rest of this cell was run."


def plots_are_inline(backend: str) -> str:
    return f"{backend} is not available {WHERE}: plots are shown below their cell."


def not_installed(command: str) -> str:
    return f"Left out: {command} (nothing can be installed {WHERE}). The rest of this cell was run."


def unknown_cell_magic(name: str, is_python: bool) -> str:
    rest = "The cell was run without it." if is_python else "The cell was not run."
    return f"There is no magic %%{name} {WHERE}. {rest}"
