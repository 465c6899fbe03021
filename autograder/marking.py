"""Mark one submission: run its cells, then put each exercise before its hidden grader."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import math
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autograder.execution import Cell, CellRun, Run, TimeLimits, run_cells
from autograder.fixtures import Sitting
from autograder.grading import Bench, check_result
from autograder.inside.messages import Question, Reply
from autograder.nurseries import Nursery, NurseryError
from autograder.records import CheckRun, Exercise, ExerciseResult, exercise_result
from autograder.sides import LocalSide, StudentLost
from autograder.student import Copy, RemoteSide
from autograder.values import Kept
from autograder.wire import WireError


class ReferenceSide(LocalSide):
    """The reference solution; a question asked before is answered from memory.

    Everyone in a run gets the same inputs, so the reference works once for the whole class. Only replies
    that hold no kept object are remembered: those objects could have changed since.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__(names)
        self._replies: dict[bytes, Reply] = {}

    def _ask(self, question: Question) -> Reply:
        key = msgspec.msgpack.encode(msgspec.structs.replace(question, id=0))
        reply = self._replies.get(key)
        if reply is None:
            kept = len(self._answerer.keeper.values)
            reply = super()._ask(question)
            if len(self._answerer.keeper.values) == kept and not _names_kept(question):
                self._replies[key] = reply
        return reply


def _names_kept(question: Question) -> bool:
    values = [*getattr(question, "args", []), *getattr(question, "kwargs", {}).values()]
    return any(isinstance(value, Kept) for value in values)


def load_reference(solutions: Path) -> dict[str, Any]:
    """Import a notebook's reference solutions; returns their names."""
    name = f"reference_{solutions.stem}"
    spec = importlib.util.spec_from_file_location(name, solutions)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return vars(module)


@dataclass
class Marked:
    """What marking a submission gives: its cells' outputs and each exercise's checks."""

    cells: dict[int, CellRun]
    checks: dict[str, list[CheckRun]] = field(default_factory=dict)

    def results(self, exercises: list[Exercise]) -> list[ExerciseResult]:
        return [exercise_result(exercise, self.checks[exercise.id]) for exercise in exercises]


class Marker:
    """Marks submissions of one notebook, one after another."""

    def __init__(
        self, bench: Bench, nursery: Nursery, limits: TimeLimits, seed: int, student_seed: int
    ) -> None:
        self.bench = bench
        self.nursery = nursery
        self.limits = limits
        self.seed = seed
        self.student_seed = student_seed
        self.ends = math.inf

    def mark(
        self,
        cells: list[Cell],
        exercises: list[Exercise],
        references: dict[str, ReferenceSide],
        until_failure: bool = False,
    ) -> Marked:
        """Run the cells once, then grade every exercise on the state they left.

        When the warm process is lost meanwhile, all is done again: raises NurseryError the second time.
        """
        for _ in range(2):
            deaths = self.nursery.deaths
            marked = self._mark(cells, exercises, references, until_failure)
            if self.nursery.deaths == deaths:
                return marked
        raise NurseryError("the warm process died twice over this submission")

    def _mark(
        self,
        cells: list[Cell],
        exercises: list[Exercise],
        references: dict[str, ReferenceSide],
        until_failure: bool,
    ) -> Marked:
        self.ends = time.monotonic() + self.limits.submission
        try:
            run = run_cells(self.nursery, cells, self.student_seed, self.limits)
            marked = Marked(run.cells)
            copies = Copies(self, run, cells)
            for exercise in exercises:
                reference = references[exercise.id]
                marked.checks[exercise.id] = self._exercise(exercise, copies, reference, until_failure)
            return marked
        finally:
            self.nursery.sweep()

    def _exercise(
        self, exercise: Exercise, copies: Copies, reference: ReferenceSide, until_failure: bool
    ) -> list[CheckRun]:
        """Grade one exercise so that no other can have disturbed it.

        A copy of the notebook costs more than most exercises' questions, so the next exercise is asked in
        the copy at hand as long as nothing there has changed. But what fails there does not count: the
        exercise is asked again, in a copy that no other exercise has seen.
        """
        if copies.used:
            runs = self._checks(exercise, copies, reference, until_failure=True)
            kept = copies.kept(runs)
            if not any(map(_failed, runs)):
                return runs
            if kept:
                copies.end()
        runs = self._checks(exercise, copies, reference, until_failure)
        copies.kept(runs)
        return runs

    def answers(
        self, cells: list[Cell], asked: list[tuple[str, pytest.Item]], reference: ReferenceSide
    ) -> list[CheckRun]:
        """How several namespaces, that the cells leave behind by name, fare in one check each."""
        try:
            process = run_cells(self.nursery, cells, self.student_seed, self.limits).process
            found: list[CheckRun] = []
            for names, group in itertools.groupby(asked, key=lambda pair: pair[0]):
                if process.serving:  # it was lost over the namespace before this one
                    self.nursery.sweep()
                    process = run_cells(self.nursery, cells, self.student_seed, self.limits).process
                with process.answering(names) as side:
                    sitting = Sitting(side, reference, self.seed, self.nursery.device)
                    found += [self.bench.run_check(item, sitting) for _, item in group]
            return found
        finally:
            self.nursery.sweep()

    def _checks(
        self, exercise: Exercise, copies: Copies, reference: ReferenceSide, until_failure: bool = False
    ) -> list[CheckRun]:
        """All checks of one exercise; one that loses its copy costs only itself and its time."""
        runs: list[CheckRun] = []
        ends = time.monotonic() + self.limits.exercise
        for item in self.bench.checks[exercise.id]:
            try:
                self._in_time(ends)
                asked = time.monotonic()
                student = copies.living()
                ends += time.monotonic() - asked  # running the notebook again is not the exercise's time
                student.deadline = min(ends, self.ends)
                sitting = Sitting(student, reference, self.seed, self.nursery.device)
            except StudentLost as lost:
                runs.append(check_result(item, lost))
            else:
                runs.append(self.bench.run_check(item, sitting))
            if until_failure and _failed(runs[-1]):
                break
        return runs

    def _in_time(self, ends: float) -> None:
        now = time.monotonic()
        if now > self.ends:
            text = f"Not asked: the notebook had used up its {self.limits.submission:g} s in all"
            raise StudentLost("timeout", text)
        if now > ends:
            text = f"Not asked: this exercise had used up its {self.limits.exercise:g} s"
            raise StudentLost("timeout", text)


LASTING = {"grad mode", "default dtype"}  # every question has random states of its own


def _failed(run: CheckRun) -> bool:
    return run.result.passed is False or run.fault is not None


class Copies:
    """Hands out a living copy of the notebook's state; makes a fresh one after a copy was lost.

    A copy is a fork of the notebook's process. Where that is not safe (a CUDA context, more threads than
    one, no Linux) it is the notebook run again in a fresh process.
    """

    def __init__(self, marker: Marker, run: Run, cells: list[Cell]) -> None:
        self.marker = marker
        self.run = run
        self.cells = cells
        self.copy: Copy | None = None
        self.side: RemoteSide | None = None
        self.used = False
        """Whether an exercise has been asked in the copy at hand."""

    def kept(self, runs: list[CheckRun]) -> bool:
        """Keep the copy for the next exercise, if these checks have left it as it was."""
        changes = {name for run in runs for exchange in run.exchanges for name in exchange.changed}
        side = self.side
        if side is None or side.lost or changes & LASTING or not side.untouched():
            self.end()
        else:
            self.used = True
        return self.used

    def living(self) -> RemoteSide:
        if self.side is None or self.side.lost:
            self.end()
            try:
                self.side = self._fresh()
            except WireError:  # the student's code hangs on to the process: run the notebook again, once
                self._run_again()
                try:
                    self.side = self._fresh()
                except WireError:
                    text = "The notebook's process stopped answering after its cells had run"
                    raise StudentLost("raised", text) from None
        return self.side

    def _fresh(self) -> RemoteSide:
        if self.run.process.serving:
            self._run_again()
        if self.run.process.forkable():
            self.copy = self.run.process.fork()
            return self.copy.side
        return self.run.process.serve()

    def _run_again(self) -> None:
        self.marker.nursery.sweep()
        again = run_cells(self.marker.nursery, self.cells, self.marker.student_seed, self.marker.limits)
        self.run.process = again.process

    def end(self) -> None:
        if self.copy is not None:
            with contextlib.suppress(WireError):
                self.run.process.end_fork(self.copy)
        self.copy = self.side = None
        self.used = False
