"""The course and the types that the tests of `autograder check` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from autograder.authoring.check.jobs import SampleId
from tests.engine.support.sampled_course import Parts, asks

TWICE = "def {}(x):\n    return 2 * x"
CLIPPED = "def clipped(x):\n    return max(x, 0)"
TYPED = asks("picky", small="3") + "\n    assert type(student.picky(3)) is int\n"
EXERCISES = {
    "twice": Parts(
        TWICE.format("twice"), asks("twice", small="3", large="1e9", zero="0"),
        {"adds": "return x + x"}, {"squares": "return x**2", "one_more": "return 2 * x + 1"},
    ),
    "lenient": Parts(
        TWICE.format("lenient"), asks("lenient", small="3"),
        {"adds": "return x + x"}, {"squares": "return x**2", "overflows": "return 2 * x if x < 9 else 0"},
    ),
    "picky": Parts(TWICE.format("picky"), TYPED, {"as_float": "return 2.0 * x"}, {"squares": "return x**2"}),
    "given": Parts(TWICE.format("given"), 'def test_nothing(student):\n    """Nothing."""\n    student\n'),
    "broken": Parts(TWICE.format("broken"), 'def test_it(student):\n    """It."""\n    {}["a bug in the grader"]\n'),
    "clipped": Parts(CLIPPED, asks("clipped", positive="5", zero="0")),
}  # fmt: skip


class Finished(NamedTuple):
    """A command that has run."""

    code: int
    out: str
    err: str

    def problems(self) -> list[str]:
        """The problems that stderr names, without the hints on how to repair them."""
        return [line.split(" (")[0] for line in self.err.splitlines() if line.startswith("autograder: ")]


Check = Callable[..., Finished]
GradedSamples = list[tuple[int, list[SampleId]]]
"""The samples that were graded with each seed, in order."""
