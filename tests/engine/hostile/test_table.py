"""Every attack of the table, between two honest notebooks: it really runs, and neither earns nor harms anything."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from autograder.core.records import JobResult
from autograder.sandbox.kill_tree import descendants
from tests.engine.hostile import table
from tests.engine.hostile.attacked_course import AttackedCourse, shown_to_student
from tests.engine.support.scratch_course import WITHOUT_NAMESPACES

pytestmark = pytest.mark.slow

SIGNS_OF_A_BROKEN_ATTACK = (
    "NameError", "SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError", "AttributeError",
    "UnboundLocalError", "TypeError",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def abstract_socket() -> Iterator[None]:
    """The socket that the attack "abstract sockets" tries to reach."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0hostile-table")
        listening.listen()
        yield


def test_there_are_many_attacks() -> None:
    names = [attack.name for attack in table.ATTACKS]
    assert len(names) == len(set(names)) >= 60
    assert all(attack.goal and attack.outcome and attack.evidence for attack in table.ATTACKS)


@pytest.mark.parametrize("attack", table.ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_earns_and_harms_nothing(quick: AttackedCourse, attack: table.Attack) -> None:
    attack_between_honest_notebooks(quick, attack)


def attack_between_honest_notebooks(quick: AttackedCourse, attack: table.Attack) -> None:
    """Grade the attack and then the honest notebook, and check what must hold of both."""
    course, worker = quick.course, quick.worker
    assert all(
        (course.root / name).exists()
        for name in re.findall(r"COURSE/([\w./]+)\"", attack.cell)
        if name != "x"
    )
    before, pid = len(descendants()), worker._process.pid
    cell = attack.cell.replace("COURSE", str(course.root))
    result = quick.grade_hostile(table.PRELUDE, cell, table.BIND, exercises=(attack.exercise,))
    assert_it_ran(attack, result)
    assert table.TOKEN not in msgspec.json.encode(result).decode()
    assert result.internal_errors == []
    assert (worker._process.poll(), worker._process.pid) == (None, pid)
    assert processes_after(before) <= before


def assert_it_ran(attack: table.Attack, result: JobResult) -> None:
    """The attack shows its evidence, and no errors other than those it may end with."""
    notes = [f"cell {cell.number}: {cell.note}" for cell in result.cells if cell.note]
    shown = "\n".join([shown_to_student(result), *notes])
    wanted = attack.evidence
    if WITHOUT_NAMESPACES and attack.evidence_without_namespaces:
        wanted = attack.evidence_without_namespaces
    assert re.search(wanted, shown), shown[-3000:]
    assert not notes or "left out" in wanted or table.GONE in wanted, notes
    (exercise,) = result.exercises
    assert exercise.status in attack.status.split(), (exercise.status, shown[-3000:])
    errors = {x.ename for cell in result.cells for x in cell.outputs if x.kind == "error"}
    assert errors <= set(attack.errors), shown[-3000:]
    assert [x for x in SIGNS_OF_A_BROKEN_ATTACK if x in shown and x not in attack.errors] == []


def processes_after(before: int) -> int:
    """The number of processes below this one, after waiting up to two seconds for them to end."""
    for _ in range(40):
        if (found := len(descendants())) <= before:
            return found
        time.sleep(0.05)
    return found


def test_nothing_that_one_submission_leaves_is_found_by_the_next(quick: AttackedCourse) -> None:
    exercises = ("count_params",)
    leave = table.PLACES + table.LEAVE + table.FIND
    result = quick.grade_hostile(table.PRELUDE, leave, table.BIND, exercises=exercises)
    assert table.LEFT in shown_to_student(result)
    find = table.PLACES + table.FIND
    result = quick.grade_hostile(table.PRELUDE, find, table.BIND, exercises=exercises)
    assert "ran: end" in shown_to_student(result)
