"""The archive extractor of `nbgrader zip_collect`, with limits on size, number of files and nesting."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbgrader.plugins import ExtractorPlugin
from traitlets import Int

from autograder.core.cells import savable
from autograder.intake.archives import ENDINGS, Budget, Refused, stem, unpack


class BoundedExtractor(ExtractorPlugin):  # type: ignore[misc]  # nbgrader has no types
    """Unpack submitted archives within limits. A refused archive is logged; the others are still unpacked."""

    max_bytes = Int(2**30, help="Unpacked bytes of one archive, including nested ones.").tag(config=True)
    max_files = Int(20_000, help="How many files one archive may contain.").tag(config=True)
    max_depth = Int(3, help="How deeply archives may be nested.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Copy the files in the folder `archive_path` to `extracted_path`, unpacking archives."""
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
                    "%s was not unpacked: %s. Ask for the notebooks themselves. Other archives are fine.",
                    savable(path.name),
                    error,
                )

    def _unpack_tree(self, archive: Path, folder: Path) -> None:
        """Unpack an archive, and each archive inside it next to where it is."""
        budget = Budget(self.max_bytes, self.max_files)
        pending = [(archive, folder, 1)]
        while pending:
            path, place, depth = pending.pop()
            if depth > self.max_depth:
                raise Refused("its archives are nested too deep")
            unpack(path, place, budget)
            inner = [x for x in place.rglob("*") if x.name.endswith(ENDINGS) and x.is_file()]
            pending += [(x, x.with_name(stem(x)), depth + 1) for x in inner]
