"""Attacks on the copies that are taken before each test cell: none earns anything or harms the next notebook."""

from __future__ import annotations

import re

import pytest

from autograder.core.records import CodeCell, GradeJob
from autograder.sandbox.kill_tree import descendants
from tests.engine.hostile import snapshots, table
from tests.engine.hostile.attacked_course import SECONDS, AttackedCourse, outcome, shown_to_student
from tests.engine.hostile.test_table import processes_after
from tests.engine.support.scratch_course import guarded

pytestmark = pytest.mark.slow

EXERCISES = ("count_params", "collapse_linear")


def job(attacked: AttackedCourse, *sources: str) -> GradeJob:
    """The last two cells are the test cells of EXERCISES."""
    tests = [*[""] * (len(sources) - len(EXERCISES)), *EXERCISES]
    cells = [CodeCell(number, source, tests=tests[number]) for number, source in enumerate(sources)]
    return GradeJob(cells, [attacked.course.exercises[name] for name in EXERCISES])


@pytest.mark.parametrize("attack", snapshots.ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_on_the_copies(quick: AttackedCourse, attack: snapshots.SnapshotAttack) -> None:
    worker = quick.worker
    right = quick.course.cell("count_params_solution").source
    mistake = "def collapse_linear(*layers):\n    return torch.zeros(1), torch.zeros(1)"
    honest = job(quick, "import torch", right, mistake, "print(1)", "print(2)")
    before, pid = len(descendants()), worker._process.pid
    sources = (table.PRELUDE + table.FORGE, snapshots.WRONG + attack.before)
    with guarded(worker, SECONDS):
        expected = outcome(worker.grade(honest))
        result = worker.grade(job(quick, *sources, attack.between, attack.after))
        assert outcome(worker.grade(honest)) == expected
    assert [x["status"] for x in expected["exercises"]] == ["passed", "wrong"]
    notes = "\n".join(cell.note for cell in result.cells if cell.note)
    shown = f"{shown_to_student(result)}\n{notes}"
    assert re.search(attack.evidence, shown), shown[-3000:]
    assert [exercise.score for exercise in result.exercises] == [0, 0]
    assert result.internal_errors == []
    errors = {x.ename for cell in result.cells for x in cell.outputs if x.kind == "error"}
    assert errors <= {"AssertionError"}, shown[-3000:]
    assert (worker._process.poll(), worker._process.pid) == (None, pid)
    assert processes_after(before) <= before


def test_processes_that_are_left_running_cost_no_points(quick: AttackedCourse) -> None:
    """With no process left for a copy, the notebook's own process answers, as it was before the test cell."""
    solutions = [quick.course.cell(f"{name}_solution").source for name in EXERCISES]
    (attack,) = [x for x in snapshots.ATTACKS if x.name == "no processes left"]
    overwrite = "count_params = collapse_linear = None"
    sources = (table.PRELUDE, "import torch", *solutions, attack.between, "print(1)", overwrite)
    with guarded(quick.worker, SECONDS):
        result = quick.worker.grade(job(quick, *sources))
    assert "ran: EAGAIN" in shown_to_student(result)
    assert [exercise.status for exercise in result.exercises] == ["passed", "passed"]
