"""Hidden grader: ten statements, marked above chance. Never says which statements are wrong."""

import numpy as np
import pytest

from autograder.checks import hint


def right_answers(given, key):
    """How many statements are marked correctly; a missing key or a value that equals no bool is wrong."""
    if not isinstance(given, dict):
        return 0
    answers = {name: given.get(name) for name in key}
    numbers = (bool, int, float, np.bool_, np.number)  # 1 and 0 pass the visible example, too
    return sum(isinstance(answers[name], numbers) and bool(answers[name] == bool(key[name])) for name in key)


@hint(
    "Only the number of correct statements is told. Give every key from 'a' to 'j' the value True or "
    "False, and look again at the dates, the misconceptions, the batch size and batch norm."
)
@pytest.mark.parametrize("at_least", [6, 7, 8, 9, 10])
def test_enough_right(student, reference, at_least):
    """At least {at_least} of the ten statements are marked correctly (5 are what guessing earns)."""
    right = right_answers(student.value("CLAIMS"), reference.value("CLAIMS"))
    assert right >= at_least, f"{right} right"
