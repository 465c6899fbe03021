"""Comparisons of decoded values: they return a verdict for any value and never raise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.grading.checks import close, is_tensor, number, sequence, whole
from autograder.process.show import show
from autograder.protocol.values import DTYPES, ObjectRef

HUGE = 10**5000
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**70, HUGE, -HUGE, 0.0, -0.0, 1.5, math.nan, math.inf, -math.inf, 1j, "", "1",
    b"1", [], (), {}, set(), {1}, [1], (1,), [[1]], [None], {"a": 1}, {1: [HUGE]}, ObjectRef(0, "Net"),
    torch.float32, torch.device("cpu"),
    *(dtype(1) for dtype in (np.int8, np.uint64, np.float16, np.float64, np.longdouble, np.bool_)),
    np.complex64(1j), np.clongdouble(1j), np.longdouble("nan"), np.longdouble("inf"), np.longdouble(1e300) ** 10,
    *(np.full(shape, 1, dtype) for shape in ((), (0,), (2,), (2, 2)) for dtype in ("?", "i8", "f2", "f8", "c16")),
    np.array([np.longdouble(1)]), np.array(math.nan),
    *(torch.ones(shape, dtype=dtype) for shape in ((), (0,), (2,), (2, 2)) for dtype in DTYPES.values()),
    torch.tensor(1.0, requires_grad=True), torch.tensor([math.nan, math.inf]), torch.tensor(math.nan),
]  # fmt: skip
COMPARED = [x for x in ODD if not isinstance(x, (np.complexfloating, np.ndarray, ObjectRef))]


@pytest.mark.parametrize("got", ODD, ids=lambda x: type(x).__name__)
def test_nothing_raises(got: Any) -> None:
    for want in ODD:
        assert close(got, want) in (True, False)
    found = number(got)
    assert found is None or type(found) in (int, float)
    assert type(whole(got)) in (int, type(None))
    assert type(sequence(got)) in (list, type(None))
    assert is_tensor(got) == isinstance(got, torch.Tensor)
    assert isinstance(show(got), str)


VALUES = st.recursive(
    st.sampled_from(range(len(ODD))).map(lambda i: ODD[i])  # by index: hypothesis cannot print HUGE
    | st.integers()
    | st.floats()
    | hnp.arrays(
        st.sampled_from(["f4", "f8", "i8", "?", "c8"]),
        hnp.array_shapes(min_dims=0, max_dims=2, min_side=0),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_nothing_raises_on_random_values(got: Any, want: Any) -> None:
    for found in (
        close(got, want),
        close(got, want, 0.0, 0.0),
        close([got], [want]),
        close([got], want),
    ):
        assert type(found) is bool
    number(got), whole(got), sequence(got), show(got)


@pytest.mark.parametrize("value", COMPARED, ids=lambda x: type(x).__name__)
def test_everything_is_close_to_itself(value: Any) -> None:
    assert close(value, value, 0.0, 0.0)
    assert close([value], [value])


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_one_number_in_every_type(x: float) -> None:
    typed: list[Any] = [
        x, np.float32(x), np.float64(x), np.longdouble(x), np.array(x), torch.tensor(x), torch.tensor(x).double(),
    ]  # fmt: skip
    assert {number(value) for value in typed} == {x}
    for got in typed:
        for want in (x, np.float64(x)):
            assert close(got, want, 0.0, 0.0)
            assert not close(got, float(want) + 1 + abs(x))


@given(st.integers(-(2**53), 2**53))
def test_whole_numbers_in_every_type(n: int) -> None:
    for value in (
        n,
        float(n),
        np.int64(n),
        np.float64(n),
        np.longdouble(n),
        torch.tensor(n),
        torch.tensor(n, dtype=torch.float64),
    ):
        assert whole(value) == n
        assert type(whole(value)) is int
    assert whole(n / 2 + 0.25 if abs(n) < 2**40 else 0.5) is None


def test_what_is_not_a_number() -> None:
    for x in (True, np.True_, torch.tensor(True), "1", None, 1j, [1], torch.ones(1), np.ones(1)):
        assert number(x) is None
        assert not close(x, 1.0)
    assert number(torch.tensor(1.0, requires_grad=True)) is None
    assert whole(HUGE) == HUGE
    assert whole(np.longdouble(2.5)) is None
    assert whole(math.inf) is whole(math.nan) is whole(np.longdouble("nan")) is None


def test_tolerances_are_relative_to_the_wanted_value() -> None:
    assert close(100.9, 100.0, rtol=0.01, atol=0)
    assert not close(101.1, 100.0, rtol=0.01, atol=0)
    assert close(0.5, 0.0, rtol=0, atol=0.5)
    assert not close(math.inf, 1e308)
    assert not close(1e308, math.inf)
    assert not close(math.nan, 1.0)
    assert close(math.nan, math.nan)
    assert close(-math.inf, -math.inf)
    assert not close(-math.inf, math.inf)


def test_sequences_and_dicts_are_compared_item_by_item() -> None:
    for value in ([1.0, 2.0], (1, 2), np.array([1, 2]), torch.tensor([1.0, 2.0])):
        assert sequence(value) == [1, 2]
        assert close(value, [1, 2])
        assert not close(value, [1, 2, 3])
        assert not close(value, [1, 3])
        assert not close(value, 1)
    assert not close("12", ["1", "2"])
    assert close({"a": [1.0], "b": "x"}, {"b": "x", "a": [1]})
    assert not close({"a": 1}, {"a": 1, "b": 2})
    assert not close({"b": 1}, {"a": 1})


def test_only_a_tensor_of_the_same_shape_is_close_to_a_tensor() -> None:
    want = torch.ones(2, 3)
    assert close(want.double().requires_grad_(), want)
    for got in (
        want.numpy(),
        want.tolist(),
        want[0],
        want.reshape(3, 2),
        want.reshape(1, 2, 3),
        want + 1e-3,
    ):
        assert not close(got, want)
    assert is_tensor(want, (2, 3), torch.float32)
    assert not is_tensor(want, (3, 2))
    assert not is_tensor(want, dtype=torch.float64)


def test_other_values_have_to_be_equal() -> None:
    assert close({1, 2}, {2, 1})
    assert not close({1}, {2})
    assert not close(1, True)
    assert not close(True, 1)
    assert not close(b"a", "a")
    assert close(1 + 2j, 1 + 2j + 1e-9)
    assert not close(1 + 2j, 1 + 3j)
    assert close(torch.float32, torch.float32)
    assert not close(torch.float64, torch.float32)


def test_long_values_are_shortened() -> None:
    assert "16610 bits" in show(HUGE)
    assert show(np.longdouble(1.5)) == "1.5"
    assert len(show(["x" * 100] * 10)) <= 160
