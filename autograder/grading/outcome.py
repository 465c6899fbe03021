"""Turn the end of a check, an error or none, into its result and the message that the student reads."""

from __future__ import annotations

import inspect
from functools import cache

import pytest

from autograder.core import wording
from autograder.core.records import CheckResult, CheckRun, Fault
from autograder.process.proxy import NotebookProxy, Raised, ReferenceRaised, StudentLost
from autograder.process.show import show

MAX_MESSAGE = 1500
"""In characters."""


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
    message = "\n".join([sentence, *_last_exchange(error, student)])[:MAX_MESSAGE]
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
        unwritten = error.text.endswith(wording.NOT_WRITTEN) or not error.text
        if error.missing_name or ("NotImplementedError" in error.kinds and unwritten):
            return "missing"
        memory = "MemoryError" in error.kinds or "can't allocate memory" in error.text
        return "memory" if memory else "raised"
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return "wrong"
    return "internal"


def _last_exchange(error: BaseException, student: NotebookProxy | None) -> list[str]:
    """The last call and what came back, for the student to read; never what was expected."""
    if student is None or not student.exchanges:
        return [str(error)] if isinstance(error, StudentLost) else []
    last = student.exchanges[-1]
    lines = [wording.checked(student.asked())]
    if isinstance(error, Raised):
        lines.append(wording.raised(str(error), error.where))
    elif isinstance(error, StudentLost):
        lines.append(str(error))
    elif last.raised is None:
        lines.append(wording.got(show(last.answer)))
    return lines
