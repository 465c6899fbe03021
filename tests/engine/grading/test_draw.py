"""Random inputs from the secret seed: the same for everyone, different for each purpose, within bounds."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.grading.draw import Draw, derived_seed

SEEDS = st.integers(0, 2**62)


def everything(draw: Draw) -> list[Any]:
    return [
        draw.integer(0, 10**6), draw.integers(0, 9, 3), draw.uniform(0, 1), draw.uniforms(0, 1, 3),
        draw.choice("abc"), draw.shuffled(range(9)), draw.seed(), draw.normal(2, 3).tolist(),
        draw.rand(2).tolist(), draw.labels(4, 3).tolist(),
    ]  # fmt: skip


@given(SEEDS)
def test_equal_seeds_draw_equal_values_and_different_seeds_do_not(seed: int) -> None:
    assert everything(Draw(derived_seed(seed))) == everything(Draw(derived_seed(seed)))
    assert everything(Draw(derived_seed(seed))) != everything(Draw(derived_seed(seed + 1)))


@given(SEEDS)
def test_each_purpose_has_its_own_seed(seed: int) -> None:
    purposes = [(), ("a",), ("b",), ("a", "b"), ("ab",), ("b", "a"), ("a", ""), (str(seed),)]
    seeds = {derived_seed(seed, *names) for names in purposes}
    assert len(seeds) == len(purposes)
    assert all(0 <= x < 2**63 for x in seeds)
    assert seed not in seeds


def test_global_random_state_is_neither_used_nor_changed() -> None:
    torch.manual_seed(1)
    first = everything(Draw(5))
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert everything(Draw(5)) == first
    torch.manual_seed(1)
    everything(Draw(5))
    assert torch.equal(torch.get_rng_state(), state)


@given(SEEDS, st.integers(-5, 5), st.integers(0, 4))
def test_bounds(seed: int, low: int, width: int) -> None:
    draw = Draw(derived_seed(seed))
    numbers = draw.integers(low, low + width, 40)
    assert min(numbers) >= low
    assert max(numbers) <= low + width
    assert low <= draw.integer(low, low + width) <= low + width
    assert all(low <= x <= low + width for x in draw.uniforms(low, low + width, 20))
    assert sorted(draw.shuffled(numbers)) == sorted(numbers)
    assert 0 <= draw.seed() < 2**31


def test_both_ends_and_every_class_are_drawn() -> None:
    draw = Draw(0)
    assert set(draw.integers(1, 3, 100)) == {1, 2, 3}
    assert set(draw.labels(100, 3).tolist()) == {0, 1, 2}


def test_tensors_have_the_requested_shape_and_dtype() -> None:
    draw = Draw(0)
    assert draw.normal(2, 3).shape == (2, 3)
    assert draw.normal(2, dtype=torch.float64).dtype == torch.float64
    assert draw.labels(5, 2).dtype == torch.int64
    x = draw.normal(20_000)
    assert abs(x.mean()) < 0.03
    assert abs(x.std() - 1) < 0.03
    u = draw.rand(20_000)
    assert 0 <= u.min() and u.max() < 1
    assert abs(u.mean() - 0.5) < 0.02
