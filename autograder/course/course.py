"""A course on disk: its folders, settings, exercises and secret seed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import tomllib
from functools import cached_property
from pathlib import Path

import msgspec

from autograder.core.errors import CourseError
from autograder.core.limits import Limits
from autograder.core.records import Exercise
from autograder.core.settings import Settings
from autograder.course.solution_regions import defined_names
from autograder.course.source_notebooks import IGNORED, SourceCell, SourceNotebook, read_sources

DEFAULT_ASSIGNMENT = "module6"


class Course:
    """One assignment of a course.

    Raises CourseError if `root` has no source or no graders for it.
    """

    def __init__(self, root: Path, assignment: str = DEFAULT_ASSIGNMENT) -> None:
        self.root = root.resolve()
        self.assignment = assignment
        for folder in (self.source, self.graders):
            if not folder.is_dir():
                raise CourseError(
                    f"{self.root} has no {folder.relative_to(self.root)}/: run this in the course's root"
                    " folder, or point to it with --course."
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

    @cached_property
    def settings(self) -> Settings:
        """[tool.autograder] in pyproject.toml. Raises CourseError if it is invalid."""
        path = self.root / "pyproject.toml"
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            given = table.get("tool", {}).get("autograder", {})
            settings = msgspec.convert(given, Settings)
            unknown = given.get("memory", {}).keys() - {x.name for x in dataclasses.fields(Limits)}
            if unknown:  # msgspec ignores unknown keys of a dataclass
                raise ValueError(f"unknown settings in memory: {', '.join(sorted(unknown))}")
            return settings
        except (ValueError, AttributeError, msgspec.ValidationError) as error:
            raise CourseError(f"{path}: [tool.autograder] is invalid: {error}.") from None

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
