"""The archive extractor of `nbgrader zip_collect`, with limits on size, number of files and nesting."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
from pathlib import Path

from nbgrader.plugins import ExtractorPlugin
from traitlets import Int

from autograder.core.cells import savable
from autograder.intake.archives import Budget, Refused, is_archive, stem, unpack


class BoundedExtractor(ExtractorPlugin):  # type: ignore[misc]  # nbgrader has no types
    """Unpack submitted archives within limits. A refused archive is logged; the others are still unpacked."""

    max_bytes = Int(2**30, help="Unpacked bytes of one archive, including nested ones.").tag(config=True)
    max_files = Int(20_000, help="How many files one archive may contain.").tag(config=True)
    max_depth = Int(3, help="How deeply archives may be nested.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Copy the files in the folder `archive_path` to `extracted_path`, unpacking archives.

        The archives themselves stay where they are.
        """
        for path in sorted(Path(archive_path).rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            folder = Path(extracted_path, path.relative_to(archive_path).parent)
            try:
                if is_archive(path):
                    self.log.info("Extracting from: %s", savable(str(path)))
                    self._unpack(path, folder)
                else:
                    _refuse_other(path, folder / path.name, Path(extracted_path))
                    _add(path, folder / path.name)
            except Refused as error:
                self.log.error(
                    "%s was not unpacked: %s. Ask for the notebooks themselves. Other archives are fine.",
                    savable(path.name),
                    error,
                )

    def _unpack(self, archive: Path, folder: Path) -> None:
        """Unpack an archive in a place of its own first, so that a broken one leaves nothing behind."""
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=folder) as place:
            unpacked = Path(place, stem(archive))
            self._unpack_tree(archive, unpacked)
            files = [x for x in unpacked.rglob("*") if x.is_file()]
            if not any(x.suffix.lower() == ".ipynb" for x in files):
                raise Refused("it holds no notebook")
            places = [folder / x.relative_to(place) for x in files]
            for file, target in zip(files, places, strict=True):
                _refuse_other(file, target, folder)
            for file, target in zip(files, places, strict=True):
                _add(file, target)

    def _unpack_tree(self, archive: Path, folder: Path) -> None:
        """Unpack an archive, and each archive inside it next to where it is."""
        budget = Budget(self.max_bytes, self.max_files)
        pending = [(archive, folder, 1)]
        while pending:
            path, place, depth = pending.pop()
            if depth > self.max_depth:
                raise Refused("its archives are nested too deep")
            unpack(path, place, budget)
            inner = [x for x in place.rglob("*") if x.is_file() and is_archive(x)]
            pending += [(x, x.with_name(stem(x)), depth + 1) for x in inner]


def _refuse_other(file: Path, target: Path, folder: Path) -> None:
    """Raise Refused if something else lies at `target`, or if a folder above it (in `folder`) is a file."""
    if any(above.is_file() for above in target.parents if above != folder and folder in above.parents):
        raise Refused("a file and an archive have the same name")
    if target.exists() and not (target.is_file() and filecmp.cmp(file, target, shallow=False)):
        shown = savable(str(target.relative_to(folder)))[:80]
        raise Refused(f"another submitted file or archive has a different {shown!r}")


def _add(file: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)
