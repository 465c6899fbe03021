"""What a command imports before it does anything: PyTorch and nbgrader cost seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {"torch", "torchvision", "nbgrader", "nbformat", "jsonschema", "IPython", "matplotlib"}


@pytest.mark.parametrize(
    "module",
    [
        "autograder.cli",
        "autograder.course.course",
        "autograder.pipeline",
        "autograder.feedback.pages",
        "autograder.authoring.release",
        "autograder.authoring.new_exercise",
        "autograder.authoring.check.command",
        "autograder.nbgrader_plugins",
    ],
)
def test_commands_start_without_what_is_slow_to_import(module: str) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert not SLOW & set(done.stdout.split())
