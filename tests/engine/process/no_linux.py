"""Run a command as on a system without a sandbox and without forks (macOS, Windows).

    python -m tests.engine.process.no_linux COMMAND...

Python processes that COMMAND starts find no means to build a sandbox, and cannot fork.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[3]
SITECUSTOMIZE = """
import os
import autograder.sandbox.capabilities
import autograder.sandbox.launch

def refuse_to_fork():
    raise OSError("this system does not fork")

autograder.sandbox.launch.probe = autograder.sandbox.capabilities.Capabilities
os.fork = refuse_to_fork
"""


@contextmanager
def no_linux() -> Iterator[None]:
    """Apply to processes started in this context, not to the current one."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "sitecustomize.py").write_text(SITECUSTOMIZE)
        patch.setenv("PYTHONPATH", os.pathsep.join([folder, str(ROOT)]))
        yield


if __name__ == "__main__":
    import subprocess

    with no_linux():
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
