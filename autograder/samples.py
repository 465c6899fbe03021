"""What wheats.py and chaffs.py import: the two marks of a sample. Part of the public API."""

from autograder.course.samples import provides, replaces

__all__ = ["provides", "replaces"]
