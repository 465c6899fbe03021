"""Turn the end of a check, an error or none, into its result and the message that the student reads."""

from __future__ import annotations

import inspect
from functools import cache

import pytest

from autograder.core import wording
from autograder.core.gpu_errors import gpu_out_of_memory
from autograder.core.records import CheckResult, CheckRun, Fault
from autograder.grading.describe import in_words
from autograder.process.proxy import NotebookProxy, Raised, ReferenceRaised, StudentLost

MAX_MESSAGE = 1500
"""In characters."""
OUT_OF_MEMORY = ("can't allocate memory", "Cannot allocate memory", "std::bad_alloc")


def check_outcome(
    item: pytest.Item, error: BaseException | None, student: NotebookProxy | None = None
) -> CheckRun:
    """Judge a check by the error that ended it (None if it passed) and the last exchange with the student."""
    weight = next((float(mark.args[0]) for mark in item.iter_markers("weight")), 1.0)
    hint = next((str(mark.args[0]) for mark in item.iter_markers("hint")), None)
    sentence = check_sentence(item)
    exchanges = tuple(student.exchanges) if student else ()
    if error is None:
        return CheckRun(CheckResult(item.name, True, weight, sentence), None, None, exchanges)
    if isinstance(error, pytest.skip.Exception):
        return CheckRun(CheckResult(item.name, None, weight, sentence), None, str(error), exchanges)
    fault = fault_of(error)
    detail = f"{type(error).__name__}: {error}"
    if fault == "internal":
        return CheckRun(CheckResult(item.name, None, weight, wording.NOT_JUDGED), fault, detail, exchanges)
    message = "\n".join([sentence, *_last_exchange(item, error, student)])[:MAX_MESSAGE]
    return CheckRun(CheckResult(item.name, False, weight, message, hint), fault, detail, exchanges)


@cache
def check_sentence(item: pytest.Item) -> str:
    """The check's docstring, which the student reads, with the values of its parameters filled in."""
    text = " ".join((inspect.getdoc(item.obj) or item.name).split())  # type: ignore[attr-defined]
    callspec = getattr(item, "callspec", None)
    return text.format(**callspec.params) if callspec and "{" in text else text


def fault_of(error: BaseException) -> Fault:
    """Classify the error that ended a check; "internal" unless the student's code is to blame."""
    if isinstance(error, StudentLost):
        return error.fault
    if isinstance(error, ReferenceRaised):
        return "internal"
    if isinstance(error, Raised):
        if error.missing_name or _is_stub(error):
            return "missing"
        return "memory" if _is_out_of_memory(error) else "raised"
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return "wrong"
    return "internal"


def _is_stub(error: Raised) -> bool:
    unwritten = error.text.endswith(wording.NOT_WRITTEN) or not error.text
    return "NotImplementedError" in error.kinds and unwritten


def _is_out_of_memory(error: Raised) -> bool:
    """Whether an allocation was refused. Not every library raises a MemoryError then."""
    if "MemoryError" in error.kinds or gpu_out_of_memory(error.kinds, error.text):
        return True
    return any(words in error.text for words in OUT_OF_MEMORY)


def _last_exchange(item: pytest.Item, error: BaseException, student: NotebookProxy | None) -> list[str]:
    """The last call and what came back, for the student to read; never what was expected."""
    if student is None or not student.exchanges:
        return [str(error)] if isinstance(error, StudentLost) else []
    last = student.exchanges[-1]
    lines = [wording.checked(student.asked())]
    if isinstance(error, StudentLost):
        return [*lines, str(error)]
    raised = error if isinstance(error, Raised) else student.last_error  # the check may have caught it
    if raised is not None:
        return [*lines, _what_was_raised(raised)]
    if last.raised is None:
        lines.append(wording.got(in_words(item, last.answer)))
        if student.changed_was_read and last.changed:
            lines.append(wording.also_changed(student.changed_in_words()))
    return lines


def _what_was_raised(error: Raised) -> str:
    if error.missing_name:
        return error.text
    if _is_stub(error):
        return wording.unwritten(error.text, error.where)
    if _is_out_of_memory(error):
        return wording.out_of_memory(str(error), error.where)
    return wording.raised(str(error), error.where)
