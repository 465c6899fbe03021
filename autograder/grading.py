"""Hidden pytest graders: collected once, run for every submission."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.runner import runtestprotocol

from autograder.errors import CourseError
from autograder.fixtures import Sitting, Sittings, exercise_of
from autograder.forgery import forged
from autograder.records import CheckResult, CheckRun, Fault
from autograder.sides import Raised, ReferenceRaised, Side, StudentLost, show

Result = TypeVar("Result")
MAX_MESSAGE = 1500
OURS = {"student", "reference", "draw", "device", "sitting", "request"}


class GraderError(CourseError):
    """The hidden graders cannot be used: one sentence for staff."""


class Bench:
    """The collected checks of every exercise, ready to be run for one submission after another."""

    def __init__(self, items: list[pytest.Item], outcomes: list[tuple[str, BaseException | None]]) -> None:
        self._outcomes = outcomes
        self.checks: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            self.checks[exercise_of(item)].append(item)

    def run_check(self, item: pytest.Item, sitting: Sitting) -> CheckRun:
        """Run one check for one submission; whatever happens is the result."""
        sitting.student.start_over()
        sitting.reference.start_over()
        arguments = self._arguments(item, sitting)
        error = self._by_protocol(item, sitting) if arguments is None else _directly(item, arguments)
        if error is not None and _fault(error) == "internal" and forged(sitting):
            error = StudentLost("wrong", "What came back is not what was asked for")
        return check_result(item, error, sitting.student)

    def _arguments(self, item: pytest.Item, sitting: Sitting) -> dict[str, Any] | None:
        """What the check is called with, when it asks for our own fixtures and parameters alone.

        pytest's protocol costs a millisecond a check, which is most of a class's grading; a check that
        uses fixtures of its author's goes through it all the same.
        """
        callspec = getattr(item, "callspec", None)
        params = dict(callspec.params) if callspec else {}
        wanted = set(item.fixturenames) - OURS - params.keys()  # type: ignore[attr-defined]
        if wanted:
            return None
        names = item._fixtureinfo.argnames  # type: ignore[attr-defined]
        given = {**params, **sitting.fixtures(exercise_of(item), item.name)}
        return {name: given[name] for name in names}

    def _by_protocol(self, item: pytest.Item, sitting: Sitting) -> BaseException | None:
        """Let pytest run it: set up, call, take down; returns the first error."""
        self._outcomes.clear()
        Sittings.current = sitting
        try:
            # As pytest-rerunfailures does to run an item again; only the item itself is taken down after
            # it, so that its module and packages are set up once.
            item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]
            item._initrequest()  # type: ignore[attr-defined]
            runtestprotocol(item, nextitem=item.parent, log=False)  # type: ignore[arg-type]
        finally:
            Sittings.current = None
        return next((error for _, error in self._outcomes if error is not None), None)


def _directly(item: pytest.Item, arguments: dict[str, Any]) -> BaseException | None:
    try:
        item.obj(**arguments)  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  pytest's own outcomes (skip, fail) are BaseExceptions
        return error
    return None


class _Collector:
    """The pytest plugin: takes the collected items and hands them over instead of running them."""

    def __init__(self, use: Callable[[Bench], Any]) -> None:
        self.use = use
        self.result: Any = None
        self.error: BaseException | None = None
        self.failures: list[str] = []
        self.outcomes: list[tuple[str, BaseException | None]] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}")
        for item in report.result:
            if isinstance(item, pytest.Function) and not inspect.getdoc(item.obj):
                self.failures.append(f"{item.nodeid} has no docstring: say there what it checks, to students")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not self.failures:
            try:
                self.result = self.use(Bench(session.items, self.outcomes))
            except BaseException as error:  # noqa: BLE001  pytest would print it as its own; raised again outside
                self.error = error
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        self.outcomes.append((call.when, call.excinfo.value if call.excinfo else None))
        return (yield)


def with_graders(folder: Path, use: Callable[[Bench], Result]) -> Result:
    """Collect the graders below `folder` once and call `use` with them.

    pytest owns the process while `use` runs, so this is an inversion of control rather than a return.
    """
    collector = _Collector(use)
    root = folder.parent.parent
    options = [
        "-p",
        "autograder.fixtures",
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:logging",
        "-s",
    ]
    options += ["-c", "/dev/null", f"--rootdir={root}", "--import-mode=prepend"]
    code = pytest.main([*options, str(folder)], plugins=[collector])
    if collector.error:
        raise collector.error
    if collector.failures:
        raise GraderError(f"a hidden grader cannot be loaded: {'; '.join(collector.failures[:3])}")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise GraderError(f"pytest could not collect the graders in {folder} (exit code {int(code)})")
    return collector.result  # type: ignore[no-any-return]


def check_result(item: pytest.Item, error: BaseException | None, student: Side | None = None) -> CheckRun:
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
    staff = f"{type(error).__name__}: {error}"
    if fault == "internal":
        text = "This check could not be made; the fault is not yours and your instructor has been told."
        return CheckRun(CheckResult(item.name, None, weight, text), fault, staff, seen)
    message = "\n".join([sentence, *_told(error, student)])[:MAX_MESSAGE]
    return CheckRun(CheckResult(item.name, False, weight, message, hint), fault, staff, seen)


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


def _told(error: BaseException, student: Side | None) -> list[str]:
    """The call that was made and what came back: never what was expected."""
    if student is None or not student.exchanges:
        return [str(error)] if isinstance(error, StudentLost) else []
    last = student.exchanges[-1]
    lines = [f"Asked: {student.asked()}"]
    if isinstance(error, Raised):
        place = f" ({error.where})" if error.where else ""
        lines.append(f"Your code raised {error}{place}")
    elif isinstance(error, StudentLost):
        lines.append(str(error))
    elif last.raised is None:
        lines.append(f"Came back: {show(last.answer)}")
    return lines
