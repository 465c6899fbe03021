"""Sentences in place of the tracebacks that nbgrader logs."""

from __future__ import annotations

import logging
import traceback

import pytest

from autograder.nbgrader_glue.logs import say_sentences


def test_tracebacks_of_unknown_errors_stay(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("test.sentences")
    say_sentences(log)
    say_sentences(log)
    assert len(log.filters) == 1
    try:
        raise KeyError("an internal error")
    except KeyError:
        log.error(traceback.format_exc())
    assert "Traceback" in caplog.text
    assert "an internal error" in caplog.text
