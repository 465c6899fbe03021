"""What students hand in, for the tests of the whole pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autograder.course.course import Course

PART, OTHER = "part1_neurons", "part3_training"
Graded = tuple[int, dict[str, dict[str, Any]], str, str]
"""Exit code, results by student/notebook, stdout, stderr."""


def submit(course: Course, student: str, content: Any, name: str = f"{PART}.ipynb") -> Path:
    folder = course.root / "submitted" / student / course.assignment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC")
    (folder / "submission_secret.txt").write_text(f"secret of {student}", errors="replace")
    if isinstance(content, (str, bytes)):
        data = content.encode() if isinstance(content, str) else content
    else:
        data = json.dumps(content).encode()
    (folder / name).write_bytes(data)
    return folder / name
