"""TODO grading.outcome."""

from __future__ import annotations

import inspect
from functools import cache

import pytest

from autograder.core import wording
from autograder.core.records import CheckResult, CheckRun, Fault
from autograder.process.proxy import NotebookProxy, Raised, ReferenceRaised, StudentLost
from autograder.process.show import show

MAX_MESSAGE = 1500


def check_outcome(
    item: pytest.Item, error: BaseException | None, student: NotebookProxy | None = None
) -> CheckRun:
    """What a check's end means: its first error, if any, and the last question put to the student."""
    weight = next((float(mark.args[0]) for mark in item.iter_markers("weight")), 1.0)
    hint = next((str(mark.args[0]) for mark in item.iter_markers("hint")), None)
    sentence = check_sentence(item)
    seen = tuple(student.exchanges) if student else ()
    if error is None:
        return CheckRun(CheckResult(item.name, True, weight, sentence), None, None, seen)
    if isinstance(error, pytest.skip.Exception):
        return CheckRun(CheckResult(item.name, None, weight, sentence), None, str(error), seen)
    fault = _fault(error)
    detail = f"{type(error).__name__}: {error}"
    if fault == "internal":
        return CheckRun(CheckResult(item.name, None, weight, wording.NOT_JUDGED), fault, detail, seen)
    message = "\n".join([sentence, *_told(error, student)])[:MAX_MESSAGE]
    return CheckRun(CheckResult(item.name, False, weight, message, hint), fault, detail, seen)


@cache
def check_sentence(item: pytest.Item) -> str:
    """The docstring, which is the sentence the student reads; parametrized names are filled in."""
    text = " ".join((inspect.getdoc(item.obj) or item.name).split())  # type: ignore[attr-defined]
    callspec = getattr(item, "callspec", None)
    return text.format(**callspec.params) if callspec and "{" in text else text


def _fault(error: BaseException) -> Fault:
    if isinstance(error, StudentLost):
        return error.fault
    if isinstance(error, ReferenceRaised):
        return "internal"
    if isinstance(error, Raised):
        unwritten = error.text.endswith("is not written yet") or not error.text
        if error.missing_name or ("NotImplementedError" in error.kinds and unwritten):
            return "missing"
        memory = "MemoryError" in error.kinds or "can't allocate memory" in error.text
        return "memory" if memory else "raised"
    if isinstance(error, (AssertionError, pytest.fail.Exception)):
        return "wrong"
    return "internal"


def _told(error: BaseException, student: NotebookProxy | None) -> list[str]:
    """The call that was made and what came back: never what was expected."""
    if student is None or not student.exchanges:
        return [str(error)] if isinstance(error, StudentLost) else []
    last = student.exchanges[-1]
    lines = [wording.asked(student.asked())]
    if isinstance(error, Raised):
        lines.append(wording.raised(str(error), error.where))
    elif isinstance(error, StudentLost):
        lines.append(str(error))
    elif last.raised is None:
        lines.append(wording.came_back(show(last.answer)))
    return lines
