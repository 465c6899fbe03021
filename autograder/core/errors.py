"""The one base of every error that is meant for people: its text is what they read."""

from __future__ import annotations


class CourseError(Exception):
    """One sentence: which file, what is wrong, what to do."""


class ReleaseError(CourseError):
    """The release was not made, and nothing was changed; one sentence for each thing to repair."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class Unreadable(CourseError):
    """The file cannot be graded; the sentence is for the student and for staff."""


class GraderError(CourseError):
    """The hidden graders cannot be used: one sentence for staff."""
