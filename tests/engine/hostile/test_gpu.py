"""Attacks that a GPU makes possible, and all others with a GPU visible. Those marked `gpu` need a card."""

from __future__ import annotations

import re

import pytest

from tests.engine.hostile import gpu_table, table
from tests.engine.hostile.attacked_course import AttackedCourse, shown_to_student
from tests.engine.hostile.test_table import abstract_socket as abstract_socket  # a fixture
from tests.engine.hostile.test_table import attack_between_honest_notebooks

pytestmark = pytest.mark.slow

EXERCISES = ("count_params",)


def test_there_are_many_attacks() -> None:
    attacks = [*gpu_table.EVERYWHERE, *gpu_table.WITH_A_CARD]
    assert len({attack.name for attack in attacks}) == len(attacks) >= 15
    assert all(attack.goal and attack.outcome and attack.evidence for attack in attacks)


@pytest.mark.parametrize("attack", gpu_table.EVERYWHERE, ids=lambda attack: attack.name)
def test_an_attack_without_a_card(quick: AttackedCourse, attack: table.Attack) -> None:
    attack_between_honest_notebooks(quick, attack)


def test_no_cache_of_the_driver_is_found_by_the_next(quick: AttackedCourse) -> None:
    leave_and_find(quick)


@pytest.mark.gpu
@pytest.mark.parametrize(
    "attack", [*gpu_table.EVERYWHERE, *gpu_table.WITH_A_CARD], ids=lambda attack: attack.name
)
def test_an_attack_on_the_card(quick_on_gpu: AttackedCourse, attack: table.Attack) -> None:
    attack_between_honest_notebooks(quick_on_gpu, attack)


@pytest.mark.gpu
@pytest.mark.parametrize("attack", table.ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_of_another_kind_with_the_card_visible(
    quick_on_gpu: AttackedCourse, attack: table.Attack
) -> None:
    attack_between_honest_notebooks(quick_on_gpu, attack)


@pytest.mark.gpu
def test_no_cache_of_the_driver_is_found_by_the_next_on_the_card(quick_on_gpu: AttackedCourse) -> None:
    leave_and_find(quick_on_gpu)


@pytest.mark.gpu
def test_device_memory_holds_nothing_of_the_submission_before(quick_on_gpu: AttackedCourse) -> None:
    shown = attack(quick_on_gpu, gpu_table.LEAVE_IN_DEVICE_MEMORY)
    assert re.search(r"ran: left [1-9]", shown)
    assert "ran: looked found 0" in attack(quick_on_gpu, gpu_table.FIND_IN_DEVICE_MEMORY)


@pytest.mark.gpu
def test_a_handle_to_device_memory_is_worth_nothing_to_the_next(quick_on_gpu: AttackedCourse) -> None:
    handle = re.search(r"ran: handle (\(.*\))", attack(quick_on_gpu, gpu_table.SHARE))
    assert handle is not None
    assert "ran: refused" in attack(quick_on_gpu, f"HANDLE = {handle[1]}\n{gpu_table.TAKE}")


def attack(course: AttackedCourse, cell: str) -> str:
    """Grade this hostile notebook and then the honest one; what the hostile one shows."""
    return shown_to_student(course.grade_hostile(table.PRELUDE, cell, table.BIND, exercises=EXERCISES))


def leave_and_find(course: AttackedCourse) -> None:
    """What one submission leaves where the driver and PyTorch keep compiled kernels is not there for the next."""
    assert "ran: 0 1 2 3 4 end" in attack(
        course, gpu_table.CACHES + gpu_table.LEAVE_CACHES + gpu_table.FIND_CACHES
    )
    assert "ran: end" in attack(course, gpu_table.CACHES + gpu_table.FIND_CACHES)
