"""What students hand in as archives, unpacked for `nbgrader zip_collect`: within bounds, and nowhere else.

nbgrader's own extractor unpacks whatever an archive holds, however much it is, and gives files the modes that
the archive asks for. Settings: `c.BoundedExtractor.max_bytes` and so on in nbgrader_config.py.
"""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.core.cells import savable

ENDINGS = (".zip", ".tar.gz", ".tgz", ".gz", ".tar")
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Refused(Exception):
    """An archive that is not unpacked; the reason as the end of a sentence."""


@dataclass
class Budget:
    """What one archive, with all that lie in it, may still become."""

    bytes: int
    files: int

    def take(self, size: int) -> None:
        self.bytes -= size
        self.files -= 1
        if self.bytes < 0:
            raise Refused("it would take up too much space")
        if self.files < 0:
            raise Refused("it holds too many files")


def stem(path: Path) -> str:
    """The folder that an archive becomes; `...zip` is not to become the one above."""
    ending = next(ending for ending in ENDINGS if path.name.endswith(ending))
    return path.name.removesuffix(ending).strip(".") or "archive"


def unpack(path: Path, folder: Path, budget: Budget) -> None:
    """Files and folders only, with ordinary modes and inside `folder`. Raises Refused."""
    if folder.is_file():
        raise Refused("a file and an archive in it have the same name")
    try:
        if zipfile.is_zipfile(path):
            _unzip(path, folder, budget)
        else:
            _untar(path, folder, budget)
    except BROKEN as error:
        raise Refused(f"it is broken or of an unknown kind ({savable(str(error))[:100]})") from None
    except OSError as error:
        raise Refused(f"it cannot be written here ({error.strerror or error})") from None


def _unzip(path: Path, folder: Path, budget: Budget) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:  # a member is never read beyond the size that it states
            budget.take(member.file_size)
            kind = stat.S_IFMT(member.external_attr >> 16)
            _refuse_stray(member.filename, kind not in (0, stat.S_IFREG, stat.S_IFDIR))
        folder.mkdir(parents=True, exist_ok=True)
        for member in members:
            archive.extract(member, folder)


def _untar(path: Path, folder: Path, budget: Budget) -> None:
    with tarfile.open(path) as archive:
        for member in _bounded(archive, budget):
            _refuse_stray(member.name, not (member.isfile() or member.isdir()))
        folder.mkdir(parents=True, exist_ok=True)
        for member in archive.getmembers():
            member.mode = 0o755 if member.isdir() else 0o644
            archive.extract(member, folder, set_attrs=False)


def _bounded(archive: tarfile.TarFile, budget: Budget) -> Iterator[tarfile.TarInfo]:
    """Each member as its header comes, so that no bomb is read to its end."""
    for member in archive:
        budget.take(max(member.size, 0))
        yield member


def _refuse_stray(name: str, odd: bool) -> None:
    parts = name.replace("\\", "/").split("/")
    if odd:
        raise Refused(f"{savable(name)[:80]!r} in it is no ordinary file (a link or a device)")
    if name.startswith(("/", "\\")) or ".." in parts or "\0" in name or os.path.splitdrive(name)[0]:
        raise Refused(f"{savable(name)[:80]!r} in it leads outside")
