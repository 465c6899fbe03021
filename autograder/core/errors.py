"""Errors meant for people: the message is printed as it is, without a traceback."""

from __future__ import annotations


class CourseError(Exception):
    """Base of all errors shown to people. The message says which file, what is wrong and what to do."""


class ReleaseError(CourseError):
    """The release was not made, and nothing was changed. Holds one sentence per problem to fix."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class NoCard(CourseError):
    """No GPU can be used, although one was asked for: `why`, to follow "since", and how to repair it."""

    def __init__(self, why: str, repair: str) -> None:
        cpu = '--device cpu (as a setting: device = "cpu")'
        super().__init__(f"no GPU can be used, since {why}: {repair}, or grade with {cpu}.")
        self.why = why


class Unreadable(CourseError):
    """A submitted file cannot be graded. Both students and staff read the message."""


class GraderError(CourseError):
    """The hidden graders cannot be used. Only staff read the message."""
