"""A course on disk: its folders, settings, exercises and secret seed."""

from __future__ import annotations

import contextlib
import os
import secrets
import tomllib
from functools import cached_property
from pathlib import Path

from autograder.core.errors import CourseError
from autograder.core.records import Exercise
from autograder.core.settings import Settings, parse_settings
from autograder.core.suggestions import did_you_mean
from autograder.course.solution_regions import defined_names
from autograder.course.source_notebooks import IGNORED, SourceCell, SourceNotebook, read_sources

DEFAULT_ASSIGNMENT = "module6"


def refuse_other_folder(root: Path) -> Path:
    """Return `root`. Raises CourseError if it is not the root folder of a course."""
    if not (root / "source").is_dir():
        problem = "has no source/, so it is not a course" if root.is_dir() else "is not a folder"
        raise CourseError(
            f"{root.resolve()} {problem}: run this in the course's root folder, or point to it with --course."
        )
    return root


def assignments(root: Path) -> list[str]:
    """The names of the course's assignments: the folders in source/."""
    folders = (path for path in (root / "source").iterdir() if path.is_dir())
    return sorted(path.name for path in folders if path.name not in IGNORED)


def read_settings(root: Path) -> Settings:
    """`[tool.autograder]` in the course's pyproject.toml. Raises CourseError if it is invalid."""
    path = root / "pyproject.toml"
    if not path.exists():
        return Settings()
    try:
        return parse_settings(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:  # not TOML, or not UTF-8
        raise CourseError(f"{path}: [tool.autograder] is invalid: {error}.") from None
    except CourseError as error:
        raise CourseError(f"{path}: {error}") from None


class Course:
    """One assignment of a course.

    Raises CourseError if `root` is no course or has invalid settings, or if it has no source or no graders
    for the assignment.
    """

    def __init__(self, root: Path, assignment: str = DEFAULT_ASSIGNMENT) -> None:
        self.root = root.resolve()
        if "?" in str(self.root):
            raise CourseError(
                f"{str(self.root)!r} has a question mark in it, at which the URL of nbgrader's database would"
                " end: rename that folder."
            )
        self.assignment = assignment
        self.settings = read_settings(refuse_other_folder(self.root))
        known = assignments(self.root)
        if assignment not in known:
            raise CourseError(
                f"{self.root} has no assignment {assignment!r}: {did_you_mean(assignment, known)}"
            )
        if not self.graders.is_dir():
            raise CourseError(
                f"{self.root} has no tests/{assignment}/: make that folder, for the hidden graders of"
                f" {assignment}, or restore it with `git checkout tests/{assignment}`."
            )

    @property
    def source(self) -> Path:
        return self.root / "source" / self.assignment

    @property
    def release(self) -> Path:
        return self.root / "release" / self.assignment

    @property
    def materials(self) -> list[Path]:
        """Files released alongside the notebooks, such as data and pictures."""
        if not self.release.is_dir():
            return []
        return sorted(x for x in self.release.iterdir() if x.suffix != ".ipynb" and x.name not in IGNORED)

    @property
    def solutions(self) -> Path:
        return self.root / "solutions" / self.assignment

    def solution_file(self, notebook: str) -> Path:
        """The module with a notebook's reference solutions. Raises CourseError if it is missing."""
        path = self.solutions / f"{notebook}.py"
        if not path.exists():
            raise CourseError(f"{path} is missing: run `autograder release`.")
        return path

    @property
    def graders(self) -> Path:
        return self.root / "tests" / self.assignment

    @property
    def private(self) -> Path:
        """The folder that holds the course's secret."""
        return self.root / ".autograder"

    @cached_property
    def notebooks(self) -> dict[str, SourceNotebook]:
        return {notebook.name: notebook for notebook in read_sources(self.root, self.assignment)}

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """Every graded cell by its grade_id, in reading order."""
        found: dict[str, Exercise] = {}
        for notebook in self.notebooks.values():
            for cell in notebook.cells:
                if cell.is_grade:
                    points = float((cell.tag or {}).get("points", 0))
                    written = cell.kind == "markdown"
                    found[cell.grade_id] = Exercise(cell.grade_id, notebook.name, points, written)
        return found

    def exercises_of(self, notebook: str, written: bool) -> list[Exercise]:
        return [x for x in self.exercises.values() if x.notebook == notebook and x.written == written]

    def asked_names(self, notebook: str) -> dict[str, list[str]]:
        """The names that each automatic exercise of a notebook asks for."""
        sources = {cell.grade_id: cell.source for cell in self.notebooks[notebook].cells}
        return {
            exercise.id: defined_names(sources.get(f"{exercise.id}_solution", ""))
            for exercise in self.exercises_of(notebook, written=False)
        }

    def names_of(self, notebook: str) -> list[str]:
        """The names defined by the notebook's solution cells."""
        cells = [cell for cell in self.notebooks[notebook].cells if cell.is_solution and cell.kind == "code"]
        return [name for cell in cells for name in defined_names(cell.source)]

    def cell(self, grade_id: str) -> SourceCell:
        """The cell with this grade_id. Raises CourseError if there is none."""
        for notebook in self.notebooks.values():
            for cell in notebook.cells:
                if cell.grade_id == grade_id:
                    return cell
        raise CourseError(f"no cell in source/{self.assignment}/ has the grade_id {grade_id!r}.")

    def seed(self) -> int:
        """The secret seed of all random inputs, created on first use.

        Raises CourseError if the file that holds it is damaged.
        """
        path = self.private / "secret"
        if not path.exists():
            self.private.mkdir(mode=0o700, exist_ok=True)
            fresh = path.with_name(f"secret.{os.getpid()}")
            fresh.touch(mode=0o600)
            fresh.write_text(f"{secrets.randbits(62)}\n")
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)  # atomic: the first of two processes wins
            fresh.unlink()
        try:
            return int(path.read_text())
        except ValueError:
            raise CourseError(f"{path} is damaged: delete it, and a new secret will be created.") from None
