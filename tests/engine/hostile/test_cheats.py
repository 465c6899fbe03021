"""Patched libraries, forged responses and attacks on processes earn nothing and disturb nobody."""

from __future__ import annotations

import pytest

from tests.engine.hostile import cheats, forged_responses
from tests.engine.hostile.attacked_course import AttackedCourse, shown_to_student
from tests.engine.hostile.cheats import BIND, EXERCISES

pytestmark = pytest.mark.slow

VALUES = ["Int(-7)", "Float(0.5)", "Str('passed')", "List([1])", "Anything()", "Dict(value=1)"]


@pytest.mark.parametrize("value", [*VALUES, "torch.ones(2).as_subclass(Tensor)"])
def test_objects_equal_to_everything_earn_nothing(attacked: AttackedCourse, value: str) -> None:
    source = cheats.ALWAYS_EQUAL.replace("{value}", value).replace("{claims}", str("Dict" in value))
    attacked.grade_hostile(source.replace("{kind}", "torch.Tensor") + BIND)


@pytest.mark.parametrize(
    "source",
    [
        cheats.PATCHED_LIBRARIES,
        forged_responses.PATCHED_CHANNEL,
        forged_responses.STOLEN_REQUESTS,
    ],
    ids=["libraries", "channel", "stolen requests"],
)
def test_patches_earn_nothing(attacked: AttackedCourse, source: str) -> None:
    result = attacked.grade_hostile(source + BIND)
    assert "REQUEST" not in shown_to_student(result)


@pytest.mark.parametrize("value", forged_responses.FORGED)
def test_forged_responses_earn_nothing(attacked: AttackedCourse, value: str) -> None:
    source = forged_responses.FORGED_IN_A_REQUEST.replace("{value}", forged_responses.FORGED[value])
    result = attacked.grade_hostile(source + BIND)
    if value in forged_responses.MALFORMED:  # the student's fault, not an internal error
        assert result.internal_errors == []
        assert {exercise.status for exercise in result.exercises} == {"wrong"}


FAST = {
    "forged from a thread": forged_responses.FORGED_FROM_A_THREAD,
    "forged in a cell": forged_responses.FORGED_IN_A_CELL,
    "junk everywhere": forged_responses.JUNK_EVERYWHERE,
    "signals": cheats.SIGNALS,
    "kill all": cheats.KILL_ALL,
}
SLOW = {
    "huge length": forged_responses.HUGE_LENGTH,
    "byte by byte": forged_responses.BYTE_BY_BYTE,
    "fork bomb": cheats.FORK_BOMB,
    "exhausted storage": cheats.EXHAUSTED_STORAGE,
}


@pytest.mark.parametrize("name", [*FAST, *SLOW])
def test_attacks_on_processes_and_channels_earn_nothing(attacked: AttackedCourse, name: str) -> None:
    source = (FAST | SLOW)[name] + BIND
    worker = attacked.worker
    pid = worker._process.pid
    exercises = EXERCISES if name in FAST else ("count_params",)
    attacked.grade_hostile(source, "print('the next cell')", exercises=exercises)
    assert worker._process.poll() is None
    assert worker._process.pid == pid


def test_hooks_of_the_interpreter_earn_nothing(attacked: AttackedCourse) -> None:
    attacked.grade_hostile(*cheats.HOOKS, BIND)
