"""`nbgrader autograde` finds notebooks by their names only, so it refuses what it would find wrongly."""

from __future__ import annotations

from pathlib import Path

from autograder.core import file_wording
from autograder.core.cells import savable
from autograder.core.errors import Unreadable
from autograder.course.course import Course
from autograder.intake.file_choice import sort_files


def refuse_misnamed(course: Course, folder: Path) -> None:
    """Raise Unreadable if names and cells disagree in a student's folder; the sentence names one such file.

    nbgrader would call a notebook missing if its file is called `part (1).ipynb`, as browsers name a second
    download, and would grade part 1 as part 2 if it is called so.
    """
    files = sort_files(course, folder)
    for chosen in files.chosen:
        if chosen.file.path != folder / f"{chosen.name}.ipynb":
            raise Unreadable(file_wording.refused_name(chosen.file.shown, chosen.name))
    for file in files.misfiled.values():
        raise Unreadable(file_wording.refused_name(file.shown, file.recognized.name))
    missing = missing_notebooks(course, folder)
    named = {folder / f"{name}.ipynb" for name in course.notebooks}
    unknown = [savable(path.name) for path in files.refused if path not in named]
    if missing and unknown:
        raise Unreadable(file_wording.refused_unknown_name(unknown[0], course.assignment, missing[0]))


def missing_notebooks(course: Course, folder: Path) -> list[str]:
    """The notebooks without a file of their name."""
    return [name for name in course.notebooks if not (folder / f"{name}.ipynb").exists()]
