"""Fingerprints of what a grade depends on, so that a result can be told from an outdated one.

Everything is hashed by content: a file that was only touched or copied changes nothing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import re
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from autograder.core.errors import ReleaseError
from autograder.course.course import Course
from autograder.course.source_notebooks import IGNORED, SourceCell, read_source

ENGINE = Path(__file__).parents[1]
LIBRARIES = ("torch", "torchvision", "numpy")
IMPORT = re.compile(r"^\s*(?:from|import)\s(?:[^(\n]*\([^)]*\)|.*)", re.MULTILINE)
Fingerprint = dict[str, str]
"""What a result depends on, in words for a person, and the digest of each."""


class Fingerprints:
    """The fingerprints of a run's results: computed once for each notebook, not for each student."""

    def __init__(self, course: Course, device: str, seed: int, unsafe: bool) -> None:
        self.course = course
        self.device = device
        self.seed = seed
        self.unsafe = unsafe
        self._made: dict[str, Fingerprint] = {}

    def of(self, notebook: str) -> Fingerprint:
        """What the results of this notebook depend on, besides the submission itself."""
        if notebook not in self._made:
            solution = self.course.solutions / f"{notebook}.py"
            self._made[notebook] = self._shared | {
                "the notebook's cells": _digest(self._cells(notebook)),
                "the reference solutions": _digest(_files(solution.parent, [solution])),
                "the hidden graders": _digest(self._graders(notebook)),
            }
        return self._made[notebook]

    @cached_property
    def _shared(self) -> Fingerprint:
        """The part that all notebooks of the assignment have in common."""
        settings: dict[str, Any] = msgspec.to_builtins(self.course.settings)
        del settings["jobs"], settings["device"]  # what "auto" leads to counts, see below
        memory = dataclasses.asdict(self.course.settings.memory)  # msgspec would leave out the defaults
        share = memory.pop("device_bytes")  # counts on a GPU only
        settings["memory"] = memory
        settings["unsafe"] = self.unsafe
        versions = [platform.python_version(), *(f"{name} {_version(name)}" for name in LIBRARIES)]
        return {
            "the settings": _digest([json.dumps(settings, sort_keys=True)]),
            "the secret": _digest([str(self.seed)]),
            "the device": self.device if self.device == "cpu" else f"{self.device}, {share} bytes",
            "the released data": _digest(_files(self.course.release, self.course.materials)),
            "Python or its libraries": ", ".join(versions),
            "the autograder": _engine(),
        }

    def _cells(self, notebook: str) -> Iterator[str]:
        """What source/ grades and how; and the released code, by which given cells are known."""
        yield from (_as_text(cell) for cell in self.course.notebooks[notebook].cells if cell.tag)
        path = self.course.release / f"{notebook}.ipynb"
        try:
            released = read_source(self.course.root, path).cells if path.exists() else ()
        except ReleaseError:  # it is refused before anything is graded
            released = ()
        yield from (_as_text(cell) for cell in released if cell.tag or cell.kind == "code")

    def _graders(self, notebook: str) -> Iterator[str]:
        """The folders of the notebook's exercises, those that they import, and what all exercises share."""
        graders = self.course.graders
        folders = {path.name for path in graders.iterdir() if path.is_dir() and path.name not in IGNORED}
        wanted = {x.id for x in self.course.exercises_of(notebook, written=False)} & folders
        wanted |= folders - self.course.exercises.keys()
        new = wanted
        while new:
            new = {name for folder in new for name in _imported(graders / folder, folders)} - wanted
            wanted |= new
        shared = [path for folder in (graders, graders.parent) for path in folder.iterdir() if path.is_file()]
        yield from _files(graders.parent, [*shared, *(graders / name for name in wanted)])


def _imported(folder: Path, folders: set[str]) -> set[str]:
    """The other folders that the import statements of this one mention."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*.py"))]
    statements = [found.group() for text in texts for found in IMPORT.finditer(text)]
    return folders.intersection(*[re.findall(r"\w[\w-]*", " ".join(statements))])


def _as_text(cell: SourceCell) -> str:
    tag = {name: value for name, value in (cell.tag or {}).items() if name != "checksum"}
    return json.dumps([cell.id, cell.kind, cell.source, tag], sort_keys=True)


def _files(root: Path, paths: Iterable[Path]) -> Iterator[str]:
    """Name and digest of every file among the paths and in the folders among them."""
    for path in sorted(paths):
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            if file.is_file() and not set(file.relative_to(root).parts) & set(IGNORED):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                yield f"{file.relative_to(root).as_posix()} {content}"


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


@cache
def _engine() -> str:
    """This package's code and templates."""
    return _digest(_files(ENGINE, [ENGINE]))


@cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
