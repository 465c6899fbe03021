"""The file collector of `nbgrader zip_collect`: each student's notebooks, and the files beside them."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader.plugins import FileNameCollectorPlugin
from traitlets import List, Unicode

from autograder.core.cells import savable
from autograder.intake.beside import NBGRADERS_OWN

NOTEBOOK = ".ipynb"


class StudentFileCollector(FileNameCollectorPlugin):  # type: ignore[misc]  # nbgrader has no types
    """Finds out who submitted a file (`named_regexp`), and what to call it in submitted/.

    Two notebooks of one name, in different folders of an archive, would make nbgrader stop for the whole
    class. Here the second becomes `part1_neurons (2).ipynb`, with a warning.
    """

    valid_ext = List(
        Unicode(),
        default_value=[
            ".ipynb",
            ".py",
            ".csv",
            ".tsv",
            ".txt",
            ".json",
            ".npy",
            ".npz",
            ".pt",
            ".pth",
            ".png",
            ".jpg",
        ],
        help="The file name extensions to collect, in lower case.",
    ).tag(config=True)

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._collected: dict[tuple[str, str], Path] = {}

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """The student's id and the name in submitted/ of an unpacked file; None to leave it out."""
        path = Path(submitted_file)
        found = self._match(submitted_file) if path.suffix.lower() in self.valid_ext else None
        if not found:
            return None
        student, name = found["student_id"], self._name(path, found)
        if name.lower() in NBGRADERS_OWN:  # a student's archive may hold one, to be on time
            self.log.warning(
                "%s is not collected, since a student may have written it: if it is yours, put it into"
                " submitted/.",
                savable(submitted_file),
            )
            return None
        for wanted in _numbered(name):
            earlier = self._collected.setdefault((student, wanted), path)
            if earlier == path:
                if wanted != name:
                    self.log.warning(
                        "%s: a second %s is collected as %s. If it is another student's, put it into a folder"
                        " with that student's id as its name.",
                        student,
                        name,
                        wanted,
                    )
                return {**found, "file_id": wanted}
            if filecmp.cmp(earlier, path, shallow=False):
                self.log.info("%s is the same as %s", savable(submitted_file), savable(str(earlier)))
                return None
        raise AssertionError("there is always another number")

    def _match(self, filename: str) -> Any:
        """nbgrader's, with a sentence in place of the regular expression."""
        if not self.named_regexp or re.match(self.named_regexp, filename):
            return super()._match(filename)
        if not Path(filename).name.startswith("."):
            self.log.warning(
                "%s does not show whose it is: put it into a folder with the student's id as its name.",
                savable(filename),
            )
        return None

    def _name(self, path: Path, found: dict[str, str]) -> str:
        """A notebook's own name; the path of any other file, as seen from the student's first notebook."""
        name = found["file_id"]
        if path.suffix.lower() == NOTEBOOK:
            return path.with_name(name).stem + path.suffix
        for folder in path.parents:
            if any(x.suffix.lower() == NOTEBOOK for x in folder.iterdir()):
                return path.relative_to(folder).as_posix()
            if folder.name == found["student_id"]:
                break
        return name


def _numbered(name: str) -> Iterator[str]:
    """`name`, then `name (2)` and so on, before the extension."""
    yield name
    path = Path(name)
    number = 2
    while True:
        yield path.with_name(f"{path.stem} ({number}){path.suffix}").as_posix()
        number += 1
