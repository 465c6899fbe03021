"""The one base of every error that is meant for people: its text is what they read."""


class CourseError(Exception):
    """One sentence: which file, what is wrong, what to do."""
