"""What students hand in as archives, unpacked for `nbgrader zip_collect`: within bounds, and nowhere else.

nbgrader's own extractor unpacks whatever an archive holds, however much it is, and gives files the modes that
the archive asks for. Settings: `c.BoundedExtractor.max_bytes` and so on in nbgrader_config.py.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbgrader.plugins import ExtractorPlugin
from traitlets import Int

from autograder.notebooks import savable

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


class BoundedExtractor(ExtractorPlugin):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's extractor with bounds: a refused archive is one line, and the others are unpacked."""

    max_bytes = Int(2**30, help="What one archive may become, those inside it included.").tag(config=True)
    max_files = Int(20_000, help="How many files it may hold.").tag(config=True)
    max_depth = Int(3, help="How deep archives may lie in archives.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        for path in sorted(Path(archive_path).rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            folder = Path(extracted_path, path.relative_to(archive_path).parent)
            folder.mkdir(parents=True, exist_ok=True)
            if not path.name.endswith(ENDINGS):
                shutil.copy(path, folder / path.name)
                continue
            self.log.info("Extracting from: %s", savable(str(path)))
            try:
                self._unpack_tree(path, folder / stem(path))
            except Refused as error:
                shutil.rmtree(folder / stem(path), ignore_errors=True)
                self.log.error(
                    "%s is not unpacked: %s. Ask for the notebooks themselves; the other archives are done.",
                    savable(path.name),
                    error,
                )

    def _unpack_tree(self, archive: Path, folder: Path) -> None:
        """Unpack an archive and, beside where they lie, those in it."""
        budget = Budget(self.max_bytes, self.max_files)
        waiting = [(archive, folder, 1)]
        while waiting:
            path, place, depth = waiting.pop()
            if depth > self.max_depth:
                raise Refused("archives lie in archives too deep")
            unpack(path, place, budget)
            inner = [x for x in place.rglob("*") if x.name.endswith(ENDINGS) and x.is_file()]
            waiting += [(x, x.with_name(stem(x)), depth + 1) for x in inner]


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
