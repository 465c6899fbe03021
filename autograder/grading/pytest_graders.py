"""Hidden pytest graders: collected once, run for every submission."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.runner import runtestprotocol

from autograder.core import wording
from autograder.core.errors import GraderError
from autograder.core.records import CheckRun
from autograder.grading.answer_shape import forged
from autograder.grading.context import CurrentContext, GradingContext, exercise_of
from autograder.grading.outcome import _fault, check_outcome
from autograder.process.proxy import StudentLost

Result = TypeVar("Result")
OURS = {"student", "reference", "draw", "device", "sitting", "request"}


class CollectedGraders:
    """The collected checks of every exercise, ready to be run for one submission after another."""

    def __init__(self, items: list[pytest.Item], outcomes: list[tuple[str, BaseException | None]]) -> None:
        self._outcomes = outcomes
        self.checks: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            self.checks[exercise_of(item)].append(item)

    def run_check(self, item: pytest.Item, context: GradingContext) -> CheckRun:
        """Run one check for one submission; whatever happens is the result."""
        context.student.start_over()
        context.reference.start_over()
        arguments = self._arguments(item, context)
        error = self._by_protocol(item, context) if arguments is None else _directly(item, arguments)
        if error is not None and _fault(error) == "internal" and forged(context):
            error = StudentLost("wrong", wording.OTHER_SHAPE)
        return check_outcome(item, error, context.student)

    def _arguments(self, item: pytest.Item, context: GradingContext) -> dict[str, Any] | None:
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
        given = {**params, **context.fixtures(exercise_of(item), item.name)}
        return {name: given[name] for name in names}

    def _by_protocol(self, item: pytest.Item, context: GradingContext) -> BaseException | None:
        """Let pytest run it: set up, call, take down; returns the first error."""
        self._outcomes.clear()
        CurrentContext.current = context
        try:
            # As pytest-rerunfailures does to run an item again; only the item itself is taken down after
            # it, so that its module and packages are set up once.
            item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]
            item._initrequest()  # type: ignore[attr-defined]
            runtestprotocol(item, nextitem=item.parent, log=False)  # type: ignore[arg-type]
        finally:
            CurrentContext.current = None
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

    def __init__(self, use: Callable[[CollectedGraders], Any]) -> None:
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
                self.result = self.use(CollectedGraders(session.items, self.outcomes))
            except BaseException as error:  # noqa: BLE001  pytest would print it as its own; raised again outside
                self.error = error
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        self.outcomes.append((call.when, call.excinfo.value if call.excinfo else None))
        return (yield)


def with_graders(folder: Path, use: Callable[[CollectedGraders], Result]) -> Result:
    """Collect the graders below `folder` once and call `use` with them.

    pytest owns the process while `use` runs, so this is an inversion of control rather than a return.
    """
    collector = _Collector(use)
    root = folder.parent.parent
    options = [
        "-p",
        "autograder.grading.fixtures",
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
