"""Unpack students' archives for `nbgrader zip_collect`, within size limits and inside one folder.

nbgrader's own extractor unpacks whatever an archive holds, however large, and gives files the modes that
the archive asks for. Set the limits with `c.BoundedExtractor.max_bytes` and so on in nbgrader_config.py.
"""

from __future__ import annotations

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.core.cells import savable

ENDINGS = (
    ".zip",
    *(".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar"),
    *(".gz", ".bz2", ".xz", ".7z", ".rar"),  # never unpacked, and each is named
)
"""Endings of archives, in lower case, longer ones first."""
ENCRYPTED = 0x1  # in a zip member's flag_bits
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Refused(Exception):
    """An archive is not unpacked. The text is the reason, worded to end a sentence."""


@dataclass
class Budget:
    """The bytes and files that an archive, with any archives inside it, may still unpack to."""

    bytes: int
    files: int

    def take(self, size: int) -> None:
        """Account for one file of `size` bytes. Raises Refused if the budget is exceeded."""
        self.bytes -= size
        self.files -= 1
        if self.bytes < 0:
            raise Refused("it would take up too much space")
        if self.files < 0:
            raise Refused("it holds too many files")


def is_archive(path: Path) -> bool:
    """Whether a file is named like an archive."""
    return path.name.lower().endswith(ENDINGS)


def stem(path: Path) -> str:
    """The name of the folder to unpack an archive into: never `..`, which `...zip` would give."""
    ending = next(ending for ending in ENDINGS if path.name.lower().endswith(ending))
    return path.name[: -len(ending)].strip(". ") or "archive"


def unpack(path: Path, folder: Path, budget: Budget) -> None:
    """Unpack files and folders, with ordinary modes and only inside `folder`. Raises Refused."""
    if folder.is_file():
        raise Refused("a file and an archive in it have the same name")
    try:
        if zipfile.is_zipfile(path):
            _unzip(path, folder, budget)
        else:
            _untar(path, folder, budget)
    except BROKEN as error:
        raise Refused(_damage(error)) from None
    except OSError as error:
        if error.errno is None:  # bz2's way to say that the data are damaged
            raise Refused(_damage(error)) from None
        raise Refused(f"it cannot be written here ({error.strerror or error})") from None


def _damage(error: Exception) -> str:
    text = savable(str(error))
    if "\n" in text or not text:  # tarfile lists all the formats that it has tried
        return "it is broken or of an unknown format"
    return f"it is broken or of an unknown format ({text[:100]})"


def _unzip(path: Path, folder: Path, budget: Budget) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:  # zipfile never reads past the size in the header
            if member.flag_bits & ENCRYPTED:
                raise Refused("it is protected with a password")
            member.filename = member.filename.replace("\\", "/")  # as older programs on Windows write it
            budget.take(member.file_size)
            kind = stat.S_IFMT(member.external_attr >> 16)
            _check_member(member.filename, regular=kind in (0, stat.S_IFREG, stat.S_IFDIR))
        folder.mkdir(parents=True, exist_ok=True)
        for member in members:
            archive.extract(member, folder)


def _untar(path: Path, folder: Path, budget: Budget) -> None:
    with tarfile.open(path) as archive:
        for member in _bounded(archive, budget):
            _check_member(member.name, regular=member.isfile() or member.isdir())
        folder.mkdir(parents=True, exist_ok=True)
        for member in archive.getmembers():
            member.mode = 0o755 if member.isdir() else 0o644
            archive.extract(member, folder, set_attrs=False)


def _bounded(archive: tarfile.TarFile, budget: Budget) -> Iterator[tarfile.TarInfo]:
    """Yield each member as its header is read, so that a bomb is refused before its end."""
    for member in archive:
        budget.take(max(member.size, 0))
        yield member


def _check_member(name: str, regular: bool) -> None:
    parts = name.replace("\\", "/").split("/")
    if not regular:
        raise Refused(f"{savable(name)[:80]!r} in it is not a regular file (a link or a device)")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or os.path.splitdrive(name)[0]:
        raise Refused(f"{savable(name)[:80]!r} in it leads outside the folder")
