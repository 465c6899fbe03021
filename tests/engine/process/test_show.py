"""What a student reads of a value: one line, rounded numbers, and the news among many numbers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.process.show import MAX_CHARACTERS, show, show_arguments

LARGE = torch.arange(15.0).reshape(5, 3)


def changed(tensor: torch.Tensor, **entries: float) -> torch.Tensor:
    """A copy in which the entries named by their flat index, as in `_7=nan`, have other values."""
    copy = tensor.clone()
    for name, value in entries.items():
        copy.view(-1)[int(name[1:])] = value
    return copy


def test_a_large_tensor_shows_its_first_numbers() -> None:
    assert show(LARGE) == "tensor of shape (5, 3): 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, …"


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x.numpy(), lambda x: x.view(-1).tolist()])
def test_numbers_that_are_not_finite_are_counted_and_placed(make) -> None:  # type: ignore[no-untyped-def]
    shown = show(make(changed(LARGE, _7=math.nan, _8=math.nan, _9=math.inf, _14=-math.inf)))
    place = "[7]" if "15 numbers" in shown else "[2, 1]"
    assert f"2 nan, 1 inf, 1 -inf, first at {place}: 0.0, 1.0, 2.0" in shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(5, 3), "tensor of shape (5, 3), all 0.0"),
        (torch.full((5, 3), 0.25), "tensor of shape (5, 3), all 0.25"),
        (torch.full((9,), math.nan), "tensor of shape (9,), all nan"),
        (torch.full((9,), -math.inf), "tensor of shape (9,), all -inf"),
        (torch.ones(7, dtype=torch.bool), "tensor of shape (7,), bool, all True"),
        (np.zeros((4, 2)), "array of shape (4, 2), all 0.0"),
        ([0.5] * 40, "[40 numbers, all 0.5]"),
        ([math.nan] * 13, "[13 numbers, all nan]"),
    ],
)
def test_numbers_that_are_all_the_same(value: object, words: str) -> None:
    assert show(value) == words


def test_dtype_is_named_unless_it_is_the_usual_one() -> None:
    assert show(torch.tensor([0.5])) == "tensor([0.5])"
    assert show(torch.tensor([0.5], dtype=torch.float64)) == "tensor([0.5], float64)"
    assert show(LARGE.bfloat16()).startswith("tensor of shape (5, 3), bfloat16: 0.0, 1.0")
    assert show(np.array([1, 2], np.int32)) == "array([1, 2], int32)"


def test_requires_grad() -> None:
    assert show(torch.tensor(0.5, requires_grad=True)) == "tensor(0.5, requires_grad=True)"
    assert show(LARGE.clone().requires_grad_()).startswith("tensor of shape (5, 3), requires_grad=True: 0.0")


def test_empty_tensor_has_a_shape() -> None:
    assert show(torch.zeros(0, 3)) == "tensor of shape (0, 3)"


def test_no_digits_are_made_up() -> None:
    assert (
        show([8128523456.0, 1e-9, 1234.5, 100000.0, 2.5 + 1j])
        == "[8.12852e+09, 1e-09, 1234.5, 100000.0, 2.5+1j]"
    )
    assert show(torch.tensor([[1e20], [3.0]])) == "tensor([[1e+20], [3.0]])"


def test_tensors_in_a_list_show_their_numbers_while_there_is_room() -> None:
    shown = show({"loss": LARGE})
    assert shown == "{'loss': <tensor of shape (5, 3): 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, …>}"
    assert show([LARGE] * 3) == f"[{', '.join(['tensor of shape (5, 3)'] * 3)}]"


def test_within_a_list_a_tensor_keeps_its_commas_to_itself() -> None:
    one_nan = changed(LARGE, _4=math.nan)
    assert show((LARGE.bool(), one_nan, 1)).startswith("(<tensor of shape (5, 3), bool: False, True")
    assert show([one_nan] * 5).startswith("[<tensor of shape (5, 3), 1 nan, first at [1, 1]>, <tensor")
    assert show_arguments((LARGE, "hidden"), {"lr": 0.1}) == "tensor of shape (5, 3), 'hidden', lr=0.1"


def test_a_cut_never_hides_a_nan() -> None:
    shown = show([LARGE] * 9 + [changed(LARGE, _4=math.nan)])
    assert len(shown) <= MAX_CHARACTERS
    assert shown.endswith("… (1 nan)")


def test_short_lists_are_shown_whole() -> None:
    assert show([0.1, math.nan, 3]) == "[0.1, nan, 3]"
    assert show(list(range(40))) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (40 in all)]"


numbers = st.floats() | st.integers() | st.complex_numbers() | st.booleans()
values = st.recursive(
    numbers | st.text() | st.none() | st.lists(st.floats(width=32), max_size=30).map(torch.tensor),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(values)
def test_any_value_fits_on_one_line(value: object) -> None:
    shown = show(value)
    assert len(shown) <= MAX_CHARACTERS
    assert shown.isprintable() or "\n" not in shown
