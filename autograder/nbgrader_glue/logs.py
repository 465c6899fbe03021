"""Turn the tracebacks that nbgrader logs into one sentence each.

nbgrader is imported inside the functions, so that nbgrader_config.py stays quick to load.
"""

from __future__ import annotations

import logging
import sys

from autograder.core.errors import CourseError
from autograder.core.file_errors import file_error_sentence

TRACEBACK = "Traceback (most recent call last)"
MISNAMED = (
    "none of this student's files is named like a notebook of the assignment (any that were skipped are"
    " listed above): rename the file and grade again, or use `autograder grade`, which recognizes renamed"
    " notebooks."
)


class SentenceFilter(logging.Filter):
    """Replace tracebacks of known errors with a sentence. Tracebacks of unknown errors stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if TRACEBACK in text:
            from nbgrader.converters.base import NbGraderException

            error = sys.exc_info()[1]
            if isinstance(error, NbGraderException):
                return False  # nbgrader has just logged its message
            sentence = _sentence(error)
            if sentence is not None:
                record.msg, record.args = sentence, ()
        elif "the the above traceback" in text:  # nbgrader's own typo
            record.msg, record.args = "The errors above say why. The other students are not affected.", ()
        elif text.startswith("No notebooks found, did you forget"):
            record.msg, record.args = MISNAMED, ()
        return True


def _sentence(error: BaseException | None) -> str | None:
    """The sentence for an error of a file, a student's above all; None for any other error."""
    from nbformat.reader import NotJSONError

    if isinstance(error, CourseError):
        return str(error)
    if isinstance(error, OSError):
        return file_error_sentence(error)
    if isinstance(error, NotJSONError):
        return "the file is not a notebook (invalid JSON): open it in Jupyter, save it and try again."
    return None


def say_sentences(log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> None:
    """Make one of nbgrader's loggers log sentences instead of tracebacks from now on."""
    logger = log.logger if isinstance(log, logging.LoggerAdapter) else log
    if not any(isinstance(known, SentenceFilter) for known in logger.filters):
        logger.addFilter(SentenceFilter())
