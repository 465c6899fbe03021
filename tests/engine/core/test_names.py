"""Students' names on the command line."""

from __future__ import annotations

import unicodedata

import pytest

from autograder.core.names import choose

NAMES = ["a", "b", "[abc]", "a*b", "axb", ".hidden", "doe, jane", "Zoë", "-x", "*"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_that_name_only(name: str) -> None:
    assert choose(NAMES, name) == {name}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[ab]", {"a", "b"}),
        ("a?b", {"a*b", "axb"}),
        ("z*", set()),
        ("Z*", {"Zoë"}),
        ("*hidden", {".hidden"}),
        ("nobody", set()),
    ],
)
def test_anything_else_is_a_pattern(pattern: str, expected: set[str]) -> None:
    assert choose(NAMES, pattern) == expected


def test_letters_with_accents_may_be_composed_or_not() -> None:
    """A folder unpacked on macOS has the letter and the accent one after the other."""
    decomposed = unicodedata.normalize("NFD", "Zoë")
    assert choose([decomposed], "Zoë") == {decomposed}
    assert choose([decomposed], "Zo?") == {decomposed}
