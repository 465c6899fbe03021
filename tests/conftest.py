"""Tests that need a GPU: skipped where none can be used, and counted in one line of the summary.

Self-contained, and not in tests/engine/: pytest-xdist's main process reads only the conftest.py files of the
folders that were named, and `autograder demo` copies this folder without the engine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REASON = "needs a GPU"
PROBE = "import torch; torch.ones(1, device='cuda').item()"
SECONDS = 120


def gpu_usable() -> bool:
    """Whether PyTorch can compute on a card. Asked in another process: this one may fork later."""
    if sys.platform == "linux" and not list(Path("/dev").glob("nvidia[0-9]*")):
        return False
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


@pytest.hookimpl(trylast=True)  # after -m and -k have dropped what is not asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not gpu_usable():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=REASON))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", ())
    count = sum(isinstance(x.longrepr, tuple) and x.longrepr[2] == f"Skipped: {REASON}" for x in skipped)
    if count:
        tests = "1 test needs a GPU and was" if count == 1 else f"{count} tests need a GPU and were"
        terminalreporter.write_line(f"{tests} skipped: make gpu runs them")
