"""The notebook files in a student's folder, and which of them counts as which notebook."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.core import file_wording
from autograder.core.cells import savable
from autograder.core.errors import Unreadable
from autograder.course.course import Course
from autograder.course.source_notebooks import IGNORED
from autograder.intake.notebook_file import MAX_BYTES, notebook_data, refuse_link, tidy
from autograder.intake.recognition import Recognized, named_like, own_cells, recognize

ENDINGS = (".ipynb", ".ipynb.txt", ".ipynb.json")  # browsers add the last two
SAME_TIME = 10.0  # seconds; unpacking an archive gives all of its files almost the same time
ATTACHMENT = re.compile(r"(?:^|_)(?:late_)?\d+_(\d+)_")  # Canvas: name[_LATE]_user_attachment_file
COPY = re.compile(r"(?:\((\d+)\)|[-_ ]copy[-_ ]?(\d*)|[-_ ](\d+))$")


def notebook_files(folder: Path) -> list[Path]:
    """The notebooks in a folder and its subfolders, sorted, and links that are named like notebooks.

    Hidden files and folders, such as .ipynb_checkpoints, are left out, and so is __MACOSX.
    """
    found = []
    for root, folders, files in os.walk(folder):  # does not follow links
        folders[:] = [x for x in folders if not x.startswith(".") and x not in (*IGNORED, "__MACOSX")]
        paths = [Path(root, name) for name in (*files, *folders) if not name.startswith(".")]
        found += [path for path in paths if _is_notebook(path)]
    return sorted(found)


def _is_notebook(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return path.is_symlink() and path.name.casefold().endswith(ENDINGS)
    return path.name.casefold().endswith(ENDINGS) or _holds_cells(path)


def _holds_cells(path: Path) -> bool:
    """Whether a file without a notebook's ending is one all the same."""
    try:
        with path.open("rb") as file:
            start = file.read(100).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not start.startswith(b"{") or path.stat().st_size > MAX_BYTES:
            return False
        if b'"nbformat"' not in path.read_bytes():
            return False
        data = notebook_data(path)
    except (OSError, Unreadable):
        return False
    return "nbformat" in data and ("cells" in data or "worksheets" in data)


@dataclass(frozen=True)
class ReadFile:
    """A submitted file that is a notebook of the assignment."""

    course: Course
    path: Path
    shown: str
    """Its name in messages."""
    data: dict[str, Any]
    digest: str
    """The SHA-256 of the file."""
    recognized: Recognized
    cells: tuple[tuple[str, str], ...]
    """The type and the text of each cell."""
    changed: float
    """When it was saved, in seconds since 1970."""

    @cached_property
    def own_cells(self) -> int:
        return own_cells(self.course, self.recognized.name, [text for _, text in self.cells])

    def version(self, name: str) -> tuple[int, int]:
        """Canvas's number of the upload and the number of the copy, as far as the file's name says."""
        stem = re.sub(r"\.ipynb(\.\w+)?$", "", self.path.name.casefold())
        attachment = ATTACHMENT.search(stem)
        _, known, after = stem.rpartition(name.casefold())
        copy = COPY.search(after if known else stem)
        number = int(next((x for x in copy.groups() if x), 1)) if copy else 0
        return int(attachment[1]) if attachment else 0, number


def read_file(course: Course, path: Path, shown: str = "") -> ReadFile:
    """Read a file and recognize it. Raises Unreadable, also if it is no notebook of the assignment."""
    data = notebook_data(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    tidied = tidy(data, path.name)
    recognized = recognize(course, tidied, path.name)
    cells = tuple((cell.cell_type, cell.source.strip()) for cell in tidied.cells)
    shown, changed = shown or savable(path.name), path.stat().st_mtime
    return ReadFile(course, path, shown, data, digest, recognized, cells, changed)


@dataclass(frozen=True)
class Chosen:
    """The file that counts as the notebook `name`; `note` tells people what they should know about that."""

    name: str
    file: ReadFile
    note: str


@dataclass(frozen=True)
class SortedFiles:
    """What became of a student's files."""

    chosen: Sequence[Chosen]
    refused: Mapping[Path, Unreadable]
    """The files that cannot be graded, without those that a chosen one replaces."""
    misfiled: Mapping[str, ReadFile]
    """By notebook that was not handed in: a file that has its name and is another notebook."""


def sort_files(course: Course, folder: Path) -> SortedFiles:
    """Choose the file that counts for each notebook, the newest of those that hold it."""
    files, refused = _read(course, folder)
    picked: dict[str, tuple[ReadFile, list[str]]] = {}
    for name in course.notebooks:
        rivals = [file for file in files if file.recognized.name == name]
        rivals = rivals or [file for file in files if name in file.recognized.also]
        if rivals:
            picked[name] = _newest(name, _without_copies(name, rivals))
    called = [(named_like(course, file.path.name), file) for file in files]
    misfiled = {name: file for name, file in called if name is not None and name not in picked}
    chosen = []
    for name, (file, notes) in picked.items():
        held = [other for other, (its_file, _) in picked.items() if its_file.path == file.path]
        if len(held) > 1 or not notes:
            notes = [*renaming(file, held), *notes]
        for path in [path for path in refused if named_like(course, path.name) == name]:
            shown = savable(path.relative_to(folder).as_posix())
            notes.append(file_wording.unreadable_copy(shown, file.shown, str(refused.pop(path))))
        notes += [
            file_wording.not_handed_in(missing, other.shown)
            for missing, other in misfiled.items()
            if other.recognized.name == name
        ]
        chosen.append(Chosen(name, file, " ".join(notes)))
    return SortedFiles(chosen, refused, misfiled)


def renaming(file: ReadFile, held: Sequence[str]) -> list[str]:
    """The line that says what a file is graded as, if its name does not; `held` are the notebooks."""
    if len(held) > 1:
        return [file_wording.several_notebooks(file.shown, held)]
    if file.path.name != f"{held[0]}.ipynb":
        return [file_wording.renamed(file.shown, held[0], file.recognized.by_cells)]
    return []


def _read(course: Course, folder: Path) -> tuple[list[ReadFile], dict[Path, Unreadable]]:
    files: list[ReadFile] = []
    refused: dict[Path, Unreadable] = {}
    for path in notebook_files(folder):
        try:
            refuse_link(path)
            files.append(read_file(course, path, savable(path.relative_to(folder).as_posix())))
        except Unreadable as error:
            refused[path] = error
    return files, refused


def _without_copies(name: str, files: Sequence[ReadFile]) -> list[ReadFile]:
    """One file for each contents: the one with the released name if there is one, and the least deep."""
    groups: dict[tuple[tuple[str, str], ...], list[ReadFile]] = {}
    for file in files:
        groups.setdefault(file.cells, []).append(file)

    def misplaced(file: ReadFile) -> tuple[bool, int, Path]:
        return file.path.name != f"{name}.ipynb", len(file.path.parts), file.path

    return [
        replace(min(group, key=misplaced), changed=max(file.changed for file in group))
        for group in groups.values()
    ]


REASONS = (
    file_wording.KNOWN_BY_CELLS,
    file_wording.ONLY_WORK,
    file_wording.SAVED_LAST,
    file_wording.HIGHEST_NUMBER,
    file_wording.MOST_CELLS,
    file_wording.RIGHT_NAME,
)
"""Why a file counts, one reason for each part of its rank."""


def _newest(name: str, files: Sequence[ReadFile]) -> tuple[ReadFile, list[str]]:
    """The file that counts, and the line that names the others.

    An untouched notebook never counts before one with work in it. Of the others the last one saved counts. If
    the times do not tell, the number of the copy decides, and then how much of it is the student's own.
    """
    if len(files) == 1:
        return files[0], []
    best = max((file.recognized.by_cells, file.own_cells > 0) for file in files)
    last = max(x.changed for x in files if (x.recognized.by_cells, x.own_cells > 0) == best)

    def rank(file: ReadFile) -> tuple[Any, ...]:
        late = last - file.changed < SAME_TIME
        known, right = file.recognized.by_cells, file.path.name == f"{name}.ipynb"
        return known, file.own_cells > 0, late, file.version(name), file.own_cells, right

    first, *rest = sorted(files, key=rank, reverse=True)
    pairs = zip(REASONS, rank(first), rank(rest[0]), strict=True)
    reason = next((why for why, mine, other in pairs if mine != other), file_wording.FIRST_NAME)
    return first, [file_wording.newest_file(first.shown, name, [file.shown for file in rest], reason)]
