"""Scoring: weights, partial credit, statuses, and checks that could not be run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.core.records import CheckResult, CheckRun, Exercise, Fault
from autograder.grading.scoring import exercise_result

Outcome = tuple[bool | None, float, Fault | None]


def score_and_status(*outcomes: Outcome, points: float = 3.0) -> tuple[float | None, str]:
    runs = [
        CheckRun(CheckResult(f"test_{n}", passed, weight, "The rule."), fault)
        for n, (passed, weight, fault) in enumerate(outcomes)
    ]
    result = exercise_result(Exercise("e", "n", points), runs)
    assert [check.name for check in result.checks] == [f"test_{n}" for n in range(len(outcomes))]
    assert result.max_score == points
    return result.score, result.status


OK: Outcome = (True, 1.0, None)


def wrong(fault: Fault = "wrong", weight: float = 1.0) -> Outcome:
    return (False, weight, fault)


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([OK, OK], (3.0, "passed")),
        ([OK, wrong()], (1.5, "partial")),
        ([OK, wrong("timeout", 2.0)], (1.0, "partial")),
        ([wrong(), wrong()], (0.0, "wrong")),
        ([wrong("raised"), wrong("raised")], (0.0, "raised")),
        ([wrong("timeout")], (0.0, "timeout")),
        ([wrong("memory")], (0.0, "memory")),
        ([wrong("raised"), wrong("timeout")], (0.0, "wrong")),
        ([wrong("missing"), wrong("raised")], (0.0, "missing")),
        ([OK, wrong("missing")], (1.5, "partial")),
        ([OK, (None, 9.0, None)], (3.0, "passed")),
        ([wrong(), (None, 9.0, None)], (0.0, "wrong")),
        ([OK, wrong(), (None, 9.0, None)], (1.5, "partial")),
        ([(None, 1.0, None)], (None, "internal")),
        ([], (None, "internal")),
        ([OK, (None, 1.0, "internal")], (None, "internal")),
        ([wrong(), (None, 1.0, "internal")], (None, "internal")),
        ([(True, 0.0, None)], (3.0, "passed")),
        ([wrong(weight=0.0)], (0.0, "wrong")),
        ([OK, wrong(weight=0.0)], (3.0, "partial")),
    ],
)
def test_score_and_status(outcomes: list[Outcome], expected: tuple[float | None, str]) -> None:
    assert score_and_status(*outcomes) == expected


WEIGHTS = st.floats(0.1, 10)
POINTS = st.sampled_from([0.5, 1.0, 2.0, 3.0, 10.0])


@given(
    st.lists(st.tuples(st.sampled_from([True, False, None]), WEIGHTS), min_size=1, max_size=9),
    POINTS,
)
def test_the_score_is_the_share_of_weight_earned(
    outcomes: list[tuple[bool | None, float]], points: float
) -> None:
    checks: list[Outcome] = [(p, w, "wrong" if p is False else None) for p, w in outcomes]
    score, status = score_and_status(*checks, points=points)
    total = sum(w for p, w in outcomes if p is not None)
    if total == 0:
        assert (score, status) == (None, "internal")
        return
    assert score == pytest.approx(points * sum(w for p, w in outcomes if p) / total, abs=0.005001)
    assert (status == "passed") == all(p is not False for p, _ in outcomes)
    assert score is not None
    assert score == points if status == "passed" else 0 <= score <= points
    assert score_and_status(*checks, (None, 5.0, None), points=points) == (score, status)


@given(st.lists(WEIGHTS, min_size=2, max_size=8), POINTS)
def test_one_more_check_passed_never_costs_points(weights: list[float], points: float) -> None:
    scores = [
        score_and_status(
            *[(i < n, w, None if i < n else "wrong") for i, w in enumerate(weights)], points=points
        )[0]
        for n in range(len(weights) + 1)
    ]
    known = [x for x in scores if x is not None]
    assert known == sorted(scores, key=lambda x: x or 0.0)
    assert (known[0], known[-1]) == (0.0, points)
