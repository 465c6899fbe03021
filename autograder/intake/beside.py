"""What a student handed in beside the notebooks (helper.py, my_data.csv): it goes with them, within limits.

The files are only listed here, with their digests. `Beside.read` reads them when a worker is free, so that a
class's files are never in memory at the same time.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from autograder.core import file_wording
from autograder.core.cells import savable
from autograder.core.errors import CourseError, Unreadable
from autograder.core.file_wording import RELEASED_IS_USED as RELEASED
from autograder.core.limits import (
    MAX_BESIDE_BYTES,
    MAX_BESIDE_DEPTH,
    MAX_BESIDE_FILE_BYTES,
    MAX_BESIDE_FILES,
    MIB,
)
from autograder.core.records import SubmittedFile
from autograder.course.course import Course

NBGRADERS_OWN = ("timestamp.txt", "submission_secret.txt")
CACHES = ("__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini")
MAX_LISTED = 10_000
"""Files and folders that are looked at."""
UNSEEN = ("tests", "solutions", "autograded", "feedback", ".autograder")
"""The folders of a course that no submission may see."""
_FLAGS = [getattr(os, name, 0) for name in ("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")]


@dataclass(frozen=True)
class BesideFile:
    """A file to put beside the notebook, at the relative path `path` with `/` between its parts."""

    path: str
    source: Path
    sha256: str


@dataclass(frozen=True)
class Beside:
    """The files to put beside a notebook, and what was left out, with the reason in brackets."""

    files: tuple[BesideFile, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def note(self) -> str | None:
        """What was left out, in one sentence."""
        return file_wording.files_left_out(self.left_out) if self.left_out else None

    def digest(self, notebook: str) -> str:
        """The digest of a notebook with these files; without any, it is the notebook's own."""
        if not self.files and not self.left_out:
            return notebook
        lines = [notebook, *(f"{x.sha256} {x.path}" for x in self.files), *self.left_out]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def read(self) -> list[SubmittedFile]:
        """The files' contents. Raises Unreadable if one has changed since it was listed."""
        found = []
        for file in self.files:
            try:
                data = _read(file.source)
            except OSError as error:
                raise Unreadable(file_wording.unreadable_file(file.path, str(error.strerror))) from None
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise Unreadable(f"{file.source} changed while it waited to be graded: grade again.")
            found.append(SubmittedFile(file.path, data))
        return found


NOTHING = Beside()


def beside_in(course: Course, folder: Path, top: Path | None = None) -> Beside:
    """The regular files in a notebook's folder, except notebooks, hidden files and nbgrader's own.

    If it is a subfolder of the student's folder `top`, what else is in there follows.
    """
    if _holds_secrets(course, top or folder):
        return NOTHING
    wanted: list[tuple[str, Path]] = []
    for each in dict.fromkeys([folder, top or folder]):
        try:
            names = sorted(os.listdir(each))
        except OSError as error:
            return Beside((), (f"{each.name} ({error.strerror})",))
        own = [name for name in names if name not in NBGRADERS_OWN and not _is_nobodys(name)]
        wanted += [(name, each / name) for name in own if each / name != folder]
    return _choose(course, wanted)


def beside_from(course: Course, paths: Sequence[Path]) -> Beside:
    """These files and folders, each under its own name.

    Raises CourseError for one that does not exist or contains what no submission may see.
    """
    for path in paths:
        if not path.exists():
            raise CourseError(f"{path} does not exist: correct --with.")
        if _holds_secrets(course, path):
            raise CourseError(
                f"{path} cannot be put beside a notebook, since submissions must not see the course's tests,"
                " solutions and grades: name the files themselves with --with."
            )
    return _choose(course, [(os.path.basename(os.path.abspath(path)), path.resolve()) for path in paths])


def _holds_secrets(course: Course, path: Path) -> bool:
    """Whether a path contains, or is in, what no submission may see: the course's own, or somebody's home."""
    path = path.resolve()
    if any(_within(private, path) for private in (course.root, Path.home().resolve())):
        return True
    if not _within(path, course.root):
        return False
    top = path.relative_to(course.root).parts[0]
    return top in UNSEEN or top.endswith(".db")


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _choose(course: Course, top: list[tuple[str, Path]]) -> Beside:
    choice = _Choice(course)
    for path, source in _listed(top, choice.left_out):
        choice.consider(path, source)
    return Beside(tuple(choice.files), tuple(choice.left_out))


class _LeftOut(Exception):
    """A file is left out; the text is the reason, empty if nobody will miss the file."""


class _Choice:
    """Chooses files until the limits are reached."""

    def __init__(self, course: Course) -> None:
        self.release = course.release
        self.files: list[BesideFile] = []
        self.left_out: list[str] = []
        limits = course.settings.memory  # the files must not fill the submission's /tmp
        self.bytes_left = min(MAX_BESIDE_BYTES, limits.tmp_bytes // 2)
        self.max_file_bytes = min(MAX_BESIDE_FILE_BYTES, limits.file_bytes)
        self.max_files = min(MAX_BESIDE_FILES, limits.tmp_files // 2)

    def consider(self, path: str, source: Path) -> None:
        try:
            data = self._contents(path, source)
        except _LeftOut as reason:
            if str(reason):
                self.left_out.append(f"{_shown(path)} ({reason})")
        except OSError as error:
            self.left_out.append(f"{_shown(path)} ({error.strerror})")
        else:
            self.files.append(BesideFile(path, source, hashlib.sha256(data).hexdigest()))
            self.bytes_left -= len(data)

    def _contents(self, path: str, source: Path) -> bytes:
        """The contents of a file that goes with the notebook. Raises _LeftOut or OSError."""
        status = source.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise _LeftOut("a link" if stat.S_ISLNK(status.st_mode) else "not a regular file")
        if {path, *map(str, PurePosixPath(path).parents)} & {file.path for file in self.files}:
            raise _LeftOut("there is another of this name")
        if not path.isprintable():
            raise _LeftOut("its name")
        released = self._released(path)
        if released is not None:
            same = released.is_file() and released.stat().st_size == status.st_size
            raise _LeftOut("" if same and released.read_bytes() == source.read_bytes() else RELEASED)
        if status.st_size > self.max_file_bytes:
            raise _LeftOut(f"over {self.max_file_bytes / MIB:.3g} MiB")
        if len(self.files) >= self.max_files:
            raise _LeftOut(f"more than {self.max_files} files")
        if status.st_size > self.bytes_left:
            raise _LeftOut("too much together")
        return _read(source)

    def _released(self, path: str) -> Path | None:
        """The released file or folder that is in the way of a file at this path."""
        whole = PurePosixPath(path)
        for part in [whole, *whole.parents][:-1]:
            found = self.release / part
            if found.is_file() or (part == whole and found.exists()):
                return found
        return None


def _listed(level: list[tuple[str, Path]], left_out: list[str]) -> Iterator[tuple[str, Path]]:
    """Every file with its relative path, those of outer folders first. Links are not followed."""
    listed = 0
    for depth in range(1, MAX_BESIDE_DEPTH + 1):
        folders: list[tuple[str, Path]] = []
        for path, source in level:
            listed += 1
            if listed > MAX_LISTED:
                left_out.append(f"what comes after {_shown(path)} (more than {MAX_LISTED} files)")
                return
            if source.is_dir() and not source.is_symlink():
                folders.append((path, source))
            else:
                yield path, source
        if depth == MAX_BESIDE_DEPTH:
            left_out += [f"{_shown(path)} (in too many folders)" for path, _ in folders]
            return
        level = [inner for folder in folders for inner in _inside(*folder, left_out)]


def _is_nobodys(name: str) -> bool:
    """Whether a file or folder is a notebook, hidden, or made by a program for itself."""
    return name.startswith(".") or name in CACHES or name.lower().endswith(".ipynb")


def _inside(path: str, folder: Path, left_out: list[str]) -> list[tuple[str, Path]]:
    try:
        names = sorted(name for name in os.listdir(folder) if not _is_nobodys(name))
    except OSError as error:
        left_out.append(f"{_shown(path)} ({error.strerror})")
        return []
    return [(f"{path}/{name}", folder / name) for name in names]


def _read(path: Path) -> bytes:
    """A regular file's contents, at most a byte over the limit. Raises OSError."""
    with open(os.open(path, sum(_FLAGS)), "rb") as file:
        return file.read(MAX_BESIDE_FILE_BYTES + 1)


def _shown(path: str) -> str:
    return savable(path)[:100]
