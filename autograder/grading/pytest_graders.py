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
from autograder.grading.answer_shape import has_forged_answer
from autograder.grading.context import CurrentContext, GradingContext, exercise_of
from autograder.grading.outcome import check_outcome, fault_of
from autograder.process.proxy import StudentLost

Result = TypeVar("Result")
PROVIDED = {"student", "reference", "draw", "device"}
INTERNAL = {"context", "request"}  # what the provided fixtures themselves request


class CollectedGraders:
    """The checks of every exercise: collected once, run for one submission after another."""

    def __init__(self, items: list[pytest.Item], outcomes: list[tuple[str, BaseException | None]]) -> None:
        self._outcomes = outcomes
        self.checks: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            self.checks[exercise_of(item)].append(item)

    def run_check(self, item: pytest.Item, context: GradingContext) -> CheckRun:
        """Run one check for one submission. Whatever the check raises becomes its outcome."""
        context.student.start_over()
        context.reference.start_over()
        arguments = self._direct_arguments(item, context)
        error = self._run_by_pytest(item, context) if arguments is None else _call(item, arguments)
        if error is not None and fault_of(error) == "internal" and has_forged_answer(context):
            error = StudentLost("wrong", wording.OTHER_SHAPE)
        return check_outcome(item, error, context.student)

    def _direct_arguments(self, item: pytest.Item, context: GradingContext) -> dict[str, Any] | None:
        """The check's arguments if they are all parameters and provided fixtures, else None.

        pytest's run protocol costs a millisecond a check, which adds up to most of the time that grading a
        class takes. Only a check with other fixtures has to go through it.
        """
        callspec = getattr(item, "callspec", None)
        params = dict(callspec.params) if callspec else {}
        if set(item.fixturenames) - PROVIDED - INTERNAL - params.keys():  # type: ignore[attr-defined]
            return None
        names = item._fixtureinfo.argnames  # type: ignore[attr-defined]
        if INTERNAL & set(names):
            return None
        given = {**params, **context.fixtures(exercise_of(item), item.name)}
        return {name: given[name] for name in names}

    def _run_by_pytest(self, item: pytest.Item, context: GradingContext) -> BaseException | None:
        """Let pytest set up, call and tear down the check; return the first error."""
        self._outcomes.clear()
        CurrentContext.current = context
        try:
            # This is how pytest-rerunfailures runs an item again. Only the item itself is torn down
            # afterwards, so its module and packages are set up once.
            item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]
            item._initrequest()  # type: ignore[attr-defined]
            runtestprotocol(item, nextitem=item.parent, log=False)  # type: ignore[arg-type]
        finally:
            CurrentContext.current = None
        return next((error for _, error in self._outcomes if error is not None), None)


def _call(item: pytest.Item, arguments: dict[str, Any]) -> BaseException | None:
    try:
        item.obj(**arguments)  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  pytest's own outcomes (skip, fail) are BaseExceptions
        return error
    return None


class _Collector:
    """A pytest plugin that passes the collected items to `use` instead of running them."""

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
                self.failures.append(f"{item.nodeid} has no docstring: add one that says what it checks")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not self.failures:
            try:
                self.result = self.use(CollectedGraders(session.items, self.outcomes))
            except BaseException as error:  # noqa: BLE001  pytest would print it; with_graders raises it
                self.error = error
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        self.outcomes.append((call.when, call.excinfo.value if call.excinfo else None))
        return (yield)


def with_graders(folder: Path, use: Callable[[CollectedGraders], Result]) -> Result:
    """Collect the graders below `folder` once, call `use` with them and return what it returns.

    `use` runs inside pytest.main, because the collected items do not outlive it. Raises GraderError
    if a grader cannot be collected.
    """
    collector = _Collector(use)
    root = folder.parent.parent
    plugins = ("autograder.grading.fixtures", "no:terminal", "no:cacheprovider", "no:logging")
    options = [word for plugin in plugins for word in ("-p", plugin)]
    options += ["-s", "-c", "/dev/null", f"--rootdir={root}", "--import-mode=prepend"]
    code = pytest.main([*options, str(folder)], plugins=[collector])
    if collector.error:
        raise collector.error
    if collector.failures:
        raise GraderError(f"a hidden grader cannot be loaded: {'; '.join(collector.failures[:3])}")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise GraderError(f"pytest could not collect the graders in {folder} (exit code {int(code)})")
    return collector.result  # type: ignore[no-any-return]
