"""`autograder check --mutants`: which surviving mutants are a problem, and how others are recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.authoring.check.checked_course import Check
from tests.engine.support.sampled_course import ASSIGNMENT

SWAPPED = "return max(x, 0)  =>  return max(0, x)"
LOWER = "return max(x, 0)  =>  return max(x, -1)"
GONE = "return max(x, 0)  =>  return max(x, 7)"


def test_surviving_mutants_are_a_problem(check: Check) -> None:
    done = check("clipped", "--mutants")
    assert done.code == 1
    assert done.problems() == [
        f"autograder: surviving mutant: clipped: {name.split(' (')[0]}" for name in (SWAPPED, LOWER)
    ]
    assert "mutants: 7  killed: 5  equivalent: 0  survivors: 2\n" in done.out


@pytest.fixture
def recorded(root: Path) -> Iterator[Callable[..., None]]:
    """A function that records mutants of `clipped` as equivalent, for one test."""
    path = root / "tests" / ASSIGNMENT / "clipped" / "equivalent_mutants.toml"

    def record(*names: str) -> None:
        path.write_text("".join(f'[[equivalent]]\nmutant = "{x}"\nreason = "The same."\n' for x in names))

    yield record
    path.unlink()


def test_recorded_mutants_are_not_a_problem(check: Check, recorded: Callable[..., None]) -> None:
    recorded(SWAPPED, LOWER)
    done = check("clipped", "--mutants")
    assert (done.code, done.problems()) == (0, [])
    assert "mutants: 7  killed: 5  equivalent: 2  survivors: 0\n" in done.out


def test_a_recorded_mutant_does_not_excuse_another(check: Check, recorded: Callable[..., None]) -> None:
    recorded(SWAPPED)
    code, out, err = check("clipped", "--mutants")
    assert code == 1
    wanted = f"surviving mutant: clipped: {LOWER} (add a check, or record it in equivalent_mutants.toml)"
    assert err.splitlines()[-1] == f"autograder: {wanted}"
    assert "mutants: 7  killed: 5  equivalent: 1  survivors: 1\n" in out


def test_a_record_of_a_mutant_that_no_longer_exists_is_a_problem(
    check: Check, recorded: Callable[..., None]
) -> None:
    recorded(SWAPPED, LOWER, GONE)
    code, out, err = check("clipped", "--mutants")
    assert code == 1
    assert f"clipped: recorded, but no longer generated (delete the entry): {GONE}" in err.splitlines()[-1]
    assert "killed: 5  equivalent: 2" in out


def test_a_malformed_record_is_refused_in_one_sentence(
    check: Check, root: Path, recorded: Callable[..., None]
) -> None:
    recorded()
    done = check("clipped", "--mutants")
    assert done.code == 1
    assert "equivalent_mutants.toml is not a list of [[equivalent]] entries" in done.err.splitlines()[-1]


def test_there_are_no_mutants_without_the_option(check: Check) -> None:
    done = check("clipped")
    assert done.code == 0
    assert "mutant" not in done.out + done.err
