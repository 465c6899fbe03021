"""Run what follows as on a system that has no walls and where nothing may be forked (macOS, Windows).

    python -m tests.engine.process.no_linux COMMAND...

Every Python process below finds nothing that a sandbox could be made of, and forking raises there.
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
AT_START = """
import os
import autograder.sandbox.capabilities
import autograder.sandbox.launch

def nobody_forks():
    raise OSError("this system does not fork")

autograder.sandbox.launch.probe = autograder.sandbox.capabilities.Capabilities
os.fork = nobody_forks
"""


@contextmanager
def no_linux() -> Iterator[None]:
    """For processes that are started in here; not for this one."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        (Path(folder) / "sitecustomize.py").write_text(AT_START)
        patch.setenv("PYTHONPATH", os.pathsep.join([folder, str(ROOT)]))
        yield


if __name__ == "__main__":
    import subprocess

    with no_linux():
        sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
