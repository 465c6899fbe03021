"""Where `--json` and `--html` may write: files of an earlier run, pipes, and what /dev names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITE = """
import sys
from pathlib import Path
from autograder.core.output_files import refuse_output, write_output

refuse_output(Path(sys.argv[1]), "--json", lambda head: head.startswith(b"{"))
print("a table", flush=True)
write_output(Path(sys.argv[1]), b"{}", "--json", lambda head: head.startswith(b"{"))
"""


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="Windows has no /dev/stdout")
def test_results_may_go_to_standard_output(tmp_path: Path) -> None:
    """`--json /dev/stdout`, into a pipe and into a file, where it follows what is there already."""
    words = [sys.executable, "-c", WRITE, "/dev/stdout"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "a table\n{}"
    with (tmp_path / "log.txt").open("w") as log:
        subprocess.run(words, stdout=log, check=True)
    assert (tmp_path / "log.txt").read_text() == "a table\n{}"


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs /dev/fd")
def test_results_may_go_to_a_process_of_the_shell() -> None:
    """`--json >(jq .)`, which the shell passes as /dev/fd/63."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe:
        words = [sys.executable, "-c", WRITE, f"/dev/fd/{writing}"]
        subprocess.run(words, pass_fds=[writing], capture_output=True, check=True)
        os.close(writing)
        assert pipe.read() == "{}"
