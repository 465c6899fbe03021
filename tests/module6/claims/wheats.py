"""Right answers to the ten statements, in dictionaries built in unusual ways."""

import json
import string
import sys
from collections import OrderedDict, defaultdict

import numpy as np

from autograder.samples import provides


@provides("CLAIMS")
def comprehension_over_letters():
    """A comprehension that asks whether each letter is among the true ones."""
    return {letter: letter in "bcehj" for letter in string.ascii_lowercase[:10]}


@provides("CLAIMS")
def zip_of_letters_and_comparisons():
    """dict(zip(...)) over a string of T and F."""
    return dict(zip("abcdefghij", map("T".__eq__, "FTTFTFFTFT")))


@provides("CLAIMS")
def ordered_dict_back_to_front():
    """An OrderedDict that begins with j."""
    answers = OrderedDict()
    for letter in "jihgfedcba":
        answers[letter] = letter not in {"a", "d", "f", "g", "i"}
    return answers


@provides("CLAIMS")
def numpy_bools():
    """Keys are np.str_ and values np.bool_, straight out of two arrays."""
    answers = np.array([0, 1, 1, 0, 1, 0, 0, 1, 0, 1], dtype=bool)
    return {key: value for key, value in zip(np.array(list("abcdefghij")), answers)}


@provides("CLAIMS")
def ones_and_zeros():
    """1 and 0, which equal True and False."""
    return dict(zip("abcdefghij", (0, 1, 1, 0, 1, 0, 0, np.int64(1), 0.0, 1.0)))


@provides("CLAIMS")
def keyword_arguments():
    """dict() with keywords, after a first guess that is corrected later."""
    first = dict(a=True, b=True, c=True, d=False, e=False, f=False, g=False, h=True, i=False)
    first.update(a=not first["a"], e=1 < 2, j=True)
    return first


@provides("CLAIMS")
def fromkeys_then_union():
    """All False first, then merged with the true ones; prints the number of true statements."""
    answers = dict.fromkeys("abcdefghij", False) | dict.fromkeys("bcehj", True)
    print(sum(answers.values()), "of ten are true", file=sys.stderr)
    return answers


@provides("CLAIMS")
def default_dict_filled_in():
    """A defaultdict whose missing keys were filled in by asking for them."""
    answers = defaultdict(bool, b=True, c=True, e=True, h=True, j=True)
    for code in range(ord("a"), ord("k")):
        answers[chr(code)]
    return answers


@provides("CLAIMS")
def read_from_json():
    """Parsed from a JSON text, where the words are written small."""
    text = """{"a": false, "b": true, "c": true, "d": false, "e": true,
               "f": false, "g": false, "h": true, "i": false, "j": true}"""
    return json.loads(text)
