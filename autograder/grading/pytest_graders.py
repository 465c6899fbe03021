"""Hidden pytest graders: collected once, run for every submission."""

from __future__ import annotations

import unittest
from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.runner import runtestprotocol

from autograder.core import wording
from autograder.core.errors import GraderError
from autograder.core.records import CheckRun
from autograder.grading import fixtures
from autograder.grading.answer_shape import has_forged_answer
from autograder.grading.context import CurrentContext, GradingContext, exercise_of
from autograder.grading.grader_mistakes import grader_mistakes
from autograder.grading.outcome import check_outcome, fault_of
from autograder.grading.sealed_pytest import run_sealed
from autograder.process.proxy import StudentLost

Result = TypeVar("Result")
Outcomes = list[tuple[str, BaseException | None]]
"""For each phase of a check's run by pytest (setup, call, teardown) the error that ended it."""
PROVIDED = {"student", "reference", "draw", "device"}
INTERNAL = {"context", "request"}  # what the provided fixtures themselves request
PLAIN_MARKS = {"weight", "hint", "describe", "parametrize"}
"""The marks that change nothing about how a check runs."""


class CollectedGraders:
    """The checks of every exercise: collected once, run for one submission after another."""

    def __init__(self, items: list[pytest.Item], outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._direct: dict[pytest.Item, frozenset[str] | None] = {}
        self.checks: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            self.checks[exercise_of(item)].append(item)

    def run_check(self, item: pytest.Item, context: GradingContext) -> CheckRun:
        """Run one check for one submission. Whatever the check raises becomes its outcome."""
        context.start(item)
        arguments = self._direct_arguments(item, context)
        error = self._run_by_pytest(item, context) if arguments is None else _call(item, arguments)
        if isinstance(error, unittest.SkipTest):  # means the same as pytest.skip
            error = pytest.skip.Exception(str(error))
        if isinstance(error, pytest.xfail.Exception):
            error = GraderError("a check cannot end with pytest.xfail: let it fail, or call no_verdict")
        if error is not None and fault_of(error) == "internal" and has_forged_answer(context):
            error = StudentLost("wrong", wording.OTHER_SHAPE)
        return check_outcome(item, error, context.student)

    def _direct_arguments(self, item: pytest.Item, context: GradingContext) -> dict[str, Any] | None:
        """The check's arguments if running it is no more than calling its function, else None.

        pytest's run protocol costs a millisecond a check, which adds up to most of the time that grading a
        class takes. Only a check that needs more from pytest than a call has to go through it.
        """
        if item not in self._direct:
            self._direct[item] = _parameters_of_call(item)
        parameters = self._direct[item]
        if parameters is None:
            return None
        given = context.fixtures(exercise_of(item), item.name)
        given |= {name: item.callspec.params[name] for name in parameters}  # type: ignore[attr-defined]
        return {name: given[name] for name in item._fixtureinfo.argnames}  # type: ignore[attr-defined]

    def _run_by_pytest(self, item: pytest.Item, context: GradingContext) -> BaseException | None:
        """Let pytest set up, call and tear down the check; return the first error."""
        self._outcomes.clear()
        CurrentContext.current = context
        try:
            # This is how pytest-rerunfailures runs an item again. Only the item itself is torn down
            # afterwards, so its module and packages are set up once.
            item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]
            item._initrequest()  # type: ignore[attr-defined]
            if getattr(item, "cls", None) is not None:  # a method gets a new object, as in pytest
                vars(item).pop("_instance", None)
                vars(item).pop("_obj", None)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=item.parent)
        except pytest.exit.Exception as error:
            return error
        finally:
            CurrentContext.current = None
        if not self._outcomes:
            return GraderError("pytest did not run the check")
        return next((error for _, error in self._outcomes if error is not None), None)


def _parameters_of_call(item: pytest.Item) -> frozenset[str] | None:
    """The parametrized arguments of a check that can simply be called; None if pytest has to run it.

    pytest runs a check with other marks, other fixtures (also those that it does not name, such as
    setup_function or an autouse fixture), its own versions of the provided ones, methods, indirect
    parameters, or a hook in a conftest.py.
    """
    if type(item) is not pytest.Function or item.cls is not None or _has_hooks(item.config):
        return None
    if {mark.name for mark in item.iter_markers()} - PLAIN_MARKS or INTERNAL & set(
        item._fixtureinfo.argnames
    ):
        return None
    parameters: set[str] = set()
    for mark in item.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        if len(mark.args) > 2 or mark.kwargs.get("indirect"):
            return None
        parameters.update(names.replace(",", " ").split() if isinstance(names, str) else names)
    if set(item.fixturenames) - PROVIDED - INTERNAL - parameters:
        return None
    definitions = item._fixtureinfo.name2fixturedefs
    provided = set(item.fixturenames) - parameters - {"request"}
    ours = all([d.func.__module__ for d in definitions[name]] == [fixtures.__name__] for name in provided)
    return frozenset(parameters) if ours else None


@cache
def _has_hooks(config: pytest.Config) -> bool:
    """Whether a conftest.py, or a plugin that a grader names, takes part in running checks."""
    return any(
        name.startswith("pytest_") and callable(getattr(plugin, name))
        for plugin in config.pluginmanager.get_plugins()
        if _module_of(plugin).split(".")[0] not in ("_pytest", "pytest", "pluggy", "autograder")
        for name in dir(plugin)
    )


def _module_of(plugin: object) -> str:
    return str(getattr(plugin, "__name__", type(plugin).__module__))


def _call(item: pytest.Item, arguments: dict[str, Any]) -> BaseException | None:
    try:
        result = item.obj(**arguments)  # type: ignore[attr-defined]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  pytest's own outcomes (skip, fail) are BaseExceptions
        return error
    if result is not None:  # pytest would warn
        return GraderError(f"the check returned a {type(result).__name__}: write `assert`, not `return`")
    return None


class _Collector:
    """A pytest plugin that passes the collected items to `use` instead of running them."""

    def __init__(
        self, folder: Path, exercises: Sequence[str], use: Callable[[CollectedGraders], Any]
    ) -> None:
        self.folder = folder
        self.exercises = exercises
        self.use = use
        self.result: Any = None
        self.error: BaseException | None = None
        self.failures: list[str] = []
        self.outcomes: Outcomes = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}")
        elif report.skipped:
            reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
            self.failures.append(
                f"{report.nodeid} leaves out all of its checks ({reason}): let it not skip itself"
            )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None]:
        before = list(items)
        yield
        left = set(items)
        self.failures += [f"{x.nodeid} was deselected by a conftest.py" for x in before if x not in left]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not self.failures:
            self.failures += grader_mistakes(self.folder, session.items, self.exercises)
        if not self.failures:
            try:
                self.result = self.use(CollectedGraders(session.items, self.outcomes))
            except BaseException as error:  # noqa: BLE001  pytest would print it; with_graders raises it
                self.error = error
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run an item without reporting it: pytest would count a submission's failures as its own."""
        runtestprotocol(item, nextitem=nextitem, log=False)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self.outcomes.append((call.when, call.excinfo.value if call.excinfo else None))
        return report


def with_graders(
    folder: Path, use: Callable[[CollectedGraders], Result], exercises: Sequence[str] = ()
) -> Result:
    """Collect the graders below `folder` once, call `use` with them and return what it returns.

    `exercises` are those that must have a check. `use` runs inside pytest.main, because the collected items
    do not outlive it. Raises GraderError if a grader cannot be collected, or would not grade as written.
    """
    folder = folder.absolute()
    collector = _Collector(folder, exercises, use)
    code = run_sealed(folder, [collector])
    if collector.error:
        raise collector.error
    if collector.failures:
        failures = list(dict.fromkeys(collector.failures))
        raise GraderError(f"a hidden grader cannot be loaded: {'; '.join(failures[:3])}")
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise GraderError(f"pytest could not collect the graders in {folder} (exit code {code})")
    return collector.result  # type: ignore[no-any-return]
