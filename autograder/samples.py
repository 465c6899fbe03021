"""Public API for wheats.py and chaffs.py: the decorators that mark a sample."""

from autograder.course.samples import provides, replaces

__all__ = ["provides", "replaces"]
