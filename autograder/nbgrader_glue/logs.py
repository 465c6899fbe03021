"""nbgrader logs a traceback for every trouble; an error meant for people is one sentence."""

from __future__ import annotations

import logging
import sys

from dateutil.parser import ParserError  # type: ignore[import-untyped]
from nbformat.reader import NotJSONError
from nbgrader.converters.base import NbGraderException

from autograder.core.errors import CourseError

TRACEBACK = "Traceback (most recent call last)"
UNNAMED = (
    "none of this student's files is named like a notebook of the assignment (those that were"
    " skipped are named above): rename it and grade again."
)


class Sentences(logging.Filter):
    """Puts the sentence in a traceback's place; the traceback of a fault unknown to us stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if TRACEBACK in text:
            error = sys.exc_info()[1]
            if isinstance(error, NbGraderException):
                return False  # nbgrader has just said it
            sentence = _sentence(error)
            if sentence is not None:
                record.msg, record.args = sentence, ()
        elif "the the above traceback" in text:
            record.msg, record.args = "The errors above say why; the other students are done.", ()
        elif text.startswith("No notebooks found, did you forget"):
            record.msg, record.args = UNNAMED, ()
        return True


def _sentence(error: BaseException | None) -> str | None:
    """What a person has to know of an error that a student's file can cause."""
    if isinstance(error, CourseError):
        return str(error)
    parsing = error if isinstance(error, ParserError) else getattr(error, "__context__", None)
    if isinstance(parsing, ParserError):  # nbgrader stumbles while it says this
        return f"timestamp.txt holds no time that can be read ({parsing}): correct it."
    if isinstance(error, NotJSONError):
        return "the file is no notebook (its JSON breaks): open it in Jupyter, save it and try again."
    return None


def say_sentences(log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Let a log of nbgrader's say sentences from now on."""
    logger = log.logger if isinstance(log, logging.LoggerAdapter) else log
    if not any(isinstance(known, Sentences) for known in logger.filters):
        logger.addFilter(Sentences())
