"""The demo's folder: replaced or removed only if it is still the one that the demo made."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.nbgrader_glue.gradebook_file import COMMITTED, how_to_move

COURSE_FILES = ("source", "release", "solutions", "tests", "nbgrader_config.py", COMMITTED)
MARKER = ".autograder-demo.json"
SETTINGS = """# The demo class includes an endless loop; shorter limits keep the demo short.
[tool.autograder.time]
cell = 6.0
question = 4.0
exercise = 6.0
"""


def scratch_copy(course: Course, folder: Path) -> Course:
    """Copy the course into `folder`, so that no real grades are at stake.

    Raises CourseError if something else is there, or if the copy would hold students or itself.
    """
    problem = how_to_move(course.root)
    if problem is not None:
        raise CourseError(problem)
    for name in COURSE_FILES:
        if folder.is_relative_to(course.root / name):
            raise CourseError(f"{folder} is in the course's {name}: choose another folder with --folder.")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        remove_demo(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text(json.dumps(_identity(folder)), encoding="utf-8")
    ignore = shutil.ignore_patterns("engine", "__pycache__", ".ipynb_checkpoints")
    for name in COURSE_FILES:
        original = course.root / name
        if original.is_dir():
            shutil.copytree(original, folder / name, ignore=ignore)
        elif original.exists():
            shutil.copy2(original, folder / name)
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    return Course(folder, course.assignment)


def remove_demo(folder: Path) -> None:
    """Remove an earlier demo. Raises CourseError, and removes nothing, if it is anything else."""
    reason = _not_a_demo(folder)
    if reason is not None:
        raise CourseError(
            f"{folder} {reason}, so it is left alone: choose another folder with --folder, or delete it"
            " yourself."
        )
    for path in sorted(folder.iterdir(), key=lambda path: path.name == MARKER):  # the marker goes last
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder.rmdir()


def _not_a_demo(folder: Path) -> str | None:
    """Why this is not a folder that the demo made, or None if it is one."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "was not made by the demo"
    if marker != _identity(folder):
        return "is a copy of a demo, or a demo that was moved"
    from autograder.demo.sample_class import CLASS  # nbformat takes a second to import

    submitted = folder / "submitted"
    names = {path.name for path in submitted.glob("[!.]*")} if submitted.is_dir() else set()
    others = sorted(names - {student.name for student in CLASS})
    return f"has a student who is not in the sample class ({others[0]})" if others else None


def _identity(folder: Path) -> dict[str, object]:
    """What tells this folder from a copy of it, and from a folder of another name."""
    return {"folder": str(folder.resolve()), "inode": folder.stat().st_ino}
